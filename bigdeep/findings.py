"""What a finished run leaves to be looked at: predictions.npz and pictures.npz, which the report reads without JAX."""

import pathlib
from collections.abc import Mapping

import jax
import numpy as np

from bigdeep.data import pixels, splits
from bigdeep.errors import BadInput
from bigdeep.experiment import Experiment
from bigdeep.run import files, folder, processes

SAMPLES = 9  # deformed copies of each training image that is shown
ROWS = 10  # such images, one of each class in turn
UNITS = 100  # of the first layer, whose weights are shown
MOST = 2000  # misclassified images that are kept, those with the largest loss


def write(workdir: pathlib.Path, experiment: Experiment) -> None:
    """Writes both files, of the net at best validation; to be called by all processes, of which the first writes."""
    net = folder.net(workdir)
    test = experiment.data.test
    softmax = jax.jit(lambda params, state, images: jax.nn.softmax(net.logits(params, state, images)))
    scores = processes.whole(softmax(net.params, net.model_state, test.images))
    shown = pictures(experiment, net)
    if processes.first():
        files.write_arrays(workdir / "predictions.npz", predictions(scores, experiment))
        files.write_arrays(workdir / "pictures.npz", shown)


def predictions(scores: np.ndarray, experiment: Experiment) -> dict[str, np.ndarray]:
    """predictions.npz, by the number of the test image.

    probabilities float16 (N, classes); labels uint8 (N,); wrong int (n,), the numbers of the misclassified ones, and
    images uint8 (n, H, W, C), those with the largest loss where there are more than 2,000; series and writer int (N,)
    where it is known who wrote them.
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


def pictures(experiment: Experiment, net: folder.Net) -> dict[str, np.ndarray]:
    """pictures.npz: originals uint8 (R, H, W, C), labels uint8 (R,), deformed uint8 (R, S, H, W, C), as the net saw them
    while training; weights float16 (U, H, W, C) of units of the first layer, (0, …) where it has no such picture."""
    images, labels = experiment.data.train
    rows = one_of_each(labels, min(ROWS, len(labels)))
    inputs, repeated = np.repeat(images[rows], SAMPLES, axis=0), np.repeat(labels[rows], SAMPLES)
    deformed = jax.jit(lambda key, x, y: pixels.to_bytes(experiment.augment(key, x, y, 1.0)))
    drawn = np.asarray(deformed(jax.random.key(experiment.config["seed"]), inputs, repeated))
    shape = (len(rows), SAMPLES, *images.shape[1:])
    return {
        "originals": images[rows],
        "labels": labels[rows],
        "deformed": drawn.reshape(shape),
        "weights": first_weights(net.params, images.shape[1:]).astype(np.float16),
    }


def one_of_each(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` images: the first of each class, then the second of each, and so on."""
    rank = np.zeros(len(labels), int)
    for label in np.unique(labels):
        rank[labels == label] = np.arange(np.sum(labels == label))
    return np.lexsort((labels, rank))[:count]


def first_weights(params: Mapping, shape: tuple[int, int, int]) -> np.ndarray:
    """(U, H, W, C): what each unit of the first layer weighs the input with; kernels of a convolution as they are."""
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
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {"/".join(part.key for part in path): list(leaf.shape) for path, leaf in leaves}
