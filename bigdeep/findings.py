"""What a finished run leaves: its result, and what the report reads without JAX, predictions.npz and pictures.npz."""

import hashlib
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
import scipy.optimize
import scipy.special

from bigdeep import experiment as experiments
from bigdeep import step
from bigdeep.data import pixels, splits
from bigdeep.errors import BadInput
from bigdeep.experiment import Experiment
from bigdeep.run import files, folder, leaves, processes, record
from bigdeep.run.netfile import flat

SAMPLES = 9  # deformed copies of each training image that is shown
ROWS = 10  # such images, one of each class in turn
CALIBRATING = 3000  # deformed training images that the temperature is fitted on
TEMPERATURES = (0.05, 20.0)
UNITS = 100  # of the first layer, whose weights are shown
MOST = 2000  # misclassified images that are kept, those with the largest loss


def result(experiment: Experiment, state: step.State, rows: Sequence[Mapping], seconds: float) -> dict:
    """result.json. "At best validation" is the row with the fewest validation errors, the latest of equals."""
    config, data = experiment.config, experiment.data
    best = record.best_row(rows) or {}
    held_out = len(data.validation.labels) if data.validation is not data.train else 0
    images = experiment.plan.total_steps * config["batch_size"]
    return {
        "kind": "run",
        "config": config["name"],
        "config_sha256": hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest(),
        "state_sha256": leaves.tree_hash(state.params),
        "dataset": {key: getattr(data.dataset, key) for key in ("name", "source", "sha256")},
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(state.params)),
        "epochs": config["epochs"],
        "steps": experiment.plan.total_steps,
        "seconds": seconds,
        "images_per_second": round(images / seconds, 1),
        "validation_errors": best["validation_errors"],
        "validation_total": best["validation_total"],
        "validation_split": f"{held_out} held out" if held_out else "undeformed training set",
        "test_total": best["test_total"],
        "test_errors_at_best_validation": best["test_errors"],
        "test_errors_best": min(row["test_errors"] for row in rows if "test_errors" in row),
        "test_errors_final": rows[-1]["test_errors"],
        "test_errors_halves": best["test_errors_halves"],
        "processes": jax.process_count(),
        "seed": config["seed"],
    }


def write(workdir: pathlib.Path, experiment: Experiment) -> dict:
    """Writes both files, of the net at best validation; returns {"temperature"} for the result.

    To be called by all processes, of which the first writes.
    """
    net, train, test = folder.net(workdir), experiment.data.train, experiment.data.test
    rows = one_of_each(train.labels, min(ROWS, len(train.labels)))
    some = np.arange(len(train.labels))[-CALIBRATING:]
    index = np.concatenate([np.repeat(rows, SAMPLES), some])  # one program each deforms and classifies all there is
    drawn = _deform(experiment)(jax.random.key(experiment.config["seed"]), train.images[index], train.labels[index])
    drawn = np.asarray(processes.whole(drawn))
    shown, unseen = drawn[: -len(some)], drawn[-len(some) :]
    classify = jax.jit(net.logits)
    *first, last = step.parts(test.images)
    pieces = [classify(net.params, net.model_state, x) for x in (*first, np.concatenate([last, unseen]))]
    logits = np.concatenate([processes.whole(piece) for piece in pieces]).astype(np.float64)
    warmth = temperature(logits[len(test.labels) :], train.labels[some])
    scores = scipy.special.softmax(logits[: len(test.labels)], axis=1)
    if processes.first():
        said = predictions(scores, experiment) | {"temperature": np.array(warmth)}
        files.write_arrays(workdir / "predictions.npz", said)
        files.write_arrays(workdir / "pictures.npz", pictures(experiment, net, rows, shown))
    return {"temperature": warmth}


def temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T for which softmax(logits / T) is as sure as it is right: least cross-entropy, (N, classes) and (N,).

    Label smoothing and mixup leave a net less sure than it is right, T < 1. Source: Guo et al. 2017 (arXiv 1706.04599),
    section 4.2; here on deformed training images, which the net has not seen in this way.
    """

    def cross_entropy(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        return float(np.mean(scipy.special.logsumexp(scaled, axis=1) - scaled[np.arange(len(labels)), labels]))

    found = scipy.optimize.minimize_scalar(cross_entropy, bounds=np.log(TEMPERATURES), method="bounded")
    return round(float(np.exp(found.x)), 4)


def predictions(scores: np.ndarray, experiment: Experiment) -> dict[str, np.ndarray]:
    """predictions.npz, by the number of the test image.

    probabilities float16 (N, classes), softmax(logits); labels uint8 (N,); wrong int (n,), the numbers of the
    misclassified ones, and images uint8 (n, H, W, C), those with the largest loss where there are more than 2,000;
    series and writer int (N,) where it is known who wrote them.
    """
    test = experiment.data.test
    wrong = np.flatnonzero(scores.argmax(axis=1) != test.labels)
    by_loss = wrong[np.argsort(scores[wrong, test.labels[wrong]], kind="stable")][:MOST]
    wrong = np.sort(by_loss)
    found = {"probabilities": scores.astype(np.float16), "labels": test.labels}
    found |= {"wrong": wrong, "images": test.images[wrong]}
    data = experiment.config["data"]
    try:
        hands = splits.hands_of("test", experiment.data.dataset, data["dir"], data["validation"])
    except BadInput:  # other images than MNIST's, or no labels of their writers
        return found
    return found | hands._asdict()


def pictures(experiment: Experiment, net: folder.Net, rows: np.ndarray, shown: np.ndarray) -> dict[str, np.ndarray]:
    """pictures.npz: originals uint8 (R, H, W, C), labels uint8 (R,), deformed uint8 (R, S, H, W, C), weights.

    deformed: as the net saw them while training. weights: float16 (U, H, W, C), of units of the first layer; (0, …)
    where it has no such picture.
    """
    images, labels = experiment.data.train
    return {
        "originals": images[rows],
        "labels": labels[rows],
        "deformed": shown.reshape(len(rows), SAMPLES, *images.shape[1:]),
        "weights": first_weights(net.params, images.shape[1:]).astype(np.float16),
    }


def _deform(experiment: Experiment) -> Callable:
    return jax.jit(lambda key, x, y: pixels.to_bytes(experiment.augment(key, x, y, 1.0)))


def deformed_sheet(experiment: Experiment, at: int) -> np.ndarray:
    """uint8 (height, width, C): rows of deformed images of a step, one class a row."""
    train = experiment.data.train
    rows = one_of_each(train.labels, min(ROWS, len(train.labels)))
    images, labels = (np.repeat(values[rows], SAMPLES, axis=0) for values in train)
    drawn = np.asarray(_deform(experiment)(jax.random.fold_in(experiments.keys(experiment)[1], at), images, labels))
    r, (_, height, width, channels) = len(rows), drawn.shape
    cells = drawn.reshape(r, SAMPLES, height, width, channels).transpose(0, 2, 1, 3, 4)
    return cells.reshape(r * height, SAMPLES * width, channels)


def one_of_each(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` images: the first of each class, then the second of each, and so on."""
    rank = np.zeros(len(labels), int)
    for label in np.unique(labels):
        rank[labels == label] = np.arange(np.sum(labels == label))
    return np.lexsort((labels, rank))[:count]


def first_weights(params: Mapping, shape: tuple[int, int, int]) -> np.ndarray:
    """(U, H, W, C): what each unit of the first layer weighs the input with; kernels of a convolution as they are.

    Of a committee those of its first member.
    """
    kernels = [leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params) if path[-1].key == "kernel"]
    whole = [k for k in kernels if k.ndim == 2 and k.shape[0] == np.prod(shape)]
    windows = [k for k in kernels if k.ndim == 4 and k.shape[2] == shape[2]]
    if windows:
        return np.asarray(windows[0]).transpose(3, 0, 1, 2)[:UNITS]
    if whole:
        return np.asarray(whole[0]).T[:UNITS].reshape(-1, *shape)
    return np.zeros((0, *shape))


def weight_shapes(experiment: Experiment) -> dict[str, list[int]]:
    """{"dense1/kernel": its shape, …} of everything that is trained."""
    params, _ = jax.eval_shape(experiment.model.init, jax.random.key(0))
    return {name: list(leaf.shape) for name, leaf in flat(params).items()}
