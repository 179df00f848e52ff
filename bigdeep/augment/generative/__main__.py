"""Trains a class-conditional generator on a training set, or has its samples judged.

  python -m bigdeep.augment.generative --fit [--data=mnist --epochs=100 --output=FILE.npz]
  python -m bigdeep.augment.generative --judge=runs/none [--output=FILE.npz --samples=10000]

--fit takes about 15 minutes on two cores; the test set isn't touched. --judge prints how many samples the net of a
finished run names as they were meant, and how far samples and, for comparison, test digits are from the nearest
training image: samples that were copies would be much nearer. dict(name="generative", path="FILE.npz") uses the file.
"""

import json
import pathlib
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from bigdeep import cli, data, experiment, runtime, writer
from bigdeep.augment import generative
from bigdeep.augment.generative import fit as fitting
from bigdeep.errors import require

CHUNK = 1000


def train(dataset: data.Dataset, epochs: int, path: pathlib.Path) -> dict:
    """Fits and saves; returns what is to be printed."""
    start = time.time()

    def report(line: str) -> None:
        print(f"{line}, {time.time() - start:.0f} s", file=sys.stderr, flush=True)

    fitted = fitting.fit(dataset.train_images, dataset.train_labels, dataset.name, epochs, report)
    generative.save(path, fitted, sha256=dataset.sha256)
    return {"dataset": dataset.name, "epochs": epochs, "seconds": round(time.time() - start, 1), "output": path.name}


def judge(dataset: data.Dataset, path: pathlib.Path, workdir: pathlib.Path, count: int) -> dict:
    """How a net names samples, and how near they are to training images; distances are rms grey levels."""
    fitted = generative.load(path)
    found = dataset.train_images.shape[1:]
    require(found == fitted.shape, "--data", f"images {found}", f"those of the generator, {fitted.shape}")
    labels = np.arange(count) % fitted.classes
    samples = np.asarray(generative.sample(jax.random.key(0), fitted, jnp.asarray(labels)))
    built, state = experiment.selected(workdir)
    seen = experiment.padded(samples, built.config["data"]["size"])
    named = np.asarray(jax.jit(built.logits)(state.params, state.model_state, seen)).argmax(axis=1)
    near = {
        "of_samples": nearest(samples[:CHUNK], dataset.train_images),
        "of_test_digits": nearest(dataset.test_images[:CHUNK], dataset.train_images),
    }
    spread = {name: [round(float(q), 1) for q in np.percentile(d, (1, 50, 99))] for name, d in near.items()}
    right = {"judge": workdir.name, "samples": count, "named_right": round(float(np.mean(named == labels)), 4)}
    return right | {"nearest_training_image_percentiles_1_50_99": spread}


def nearest(images: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The rms difference of each image (N, …) to the nearest of `among`, in grey levels."""
    a, b = (x.reshape(len(x), -1).astype(np.float32) for x in (images, among))
    squares = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(squares.min(axis=1), 0) / a.shape[1])


def main() -> None:
    """Does what the flags ask for and prints one JSON line."""
    fit, workdir = flags.FLAGS.fit, flags.FLAGS.judge
    require(fit != bool(workdir), "--fit, --judge", "both or none of them", "one of the two")
    path, record = cli.output("output", ".npz"), cli.output("record", ".json")
    runtime.use_compilation_cache()
    dataset = data.load(flags.FLAGS.data, "auto", "")
    if fit:
        done = train(dataset, flags.FLAGS.epochs, path)
    else:
        done = judge(dataset, path, pathlib.Path(workdir), flags.FLAGS.samples)
    print(json.dumps(done))
    if record:
        writer.write_json(record, done)


if __name__ == "__main__":
    flags.DEFINE_bool("fit", False, "train a generator")
    flags.DEFINE_string("judge", "", "the folder of a finished run, whose net judges the samples")
    flags.DEFINE_string("data", "mnist", "the data set whose training images are imitated")
    flags.DEFINE_integer("epochs", 100, "how long to train", lower_bound=1)
    flags.DEFINE_integer("samples", 10_000, "how many samples are judged", lower_bound=1)
    flags.DEFINE_string("output", str(generative.MNIST), "the generator's file")
    flags.DEFINE_string("record", "", "a file to keep what is printed in, below results/fits/")
    cli.run(main, __doc__)
