"""Trains a class-conditional generator on a training set, or has its samples judged.

  python -m bigdeep.tools.fit_generator --output=FILE.npz [--data=mnist --epochs=100]
  python -m bigdeep.tools.fit_generator --judge=runs/none [--output=FILE.npz --samples=10000]

A GAN with feature matching, about 15 minutes on two cores; the test set is not touched. --judge trains nothing: it
prints how many samples the net of a finished run classifies as they were meant, and how far samples and, for
comparison, test digits are from the nearest training image: samples that were copies would be much nearer.
dict(name="generative", path="FILE.npz") uses the file.
"""

import functools
import json
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import flags

from bigdeep import cli, data
from bigdeep.augment import gan, generative
from bigdeep.augment.generative import LATENT, Fitted
from bigdeep.data import pixels
from bigdeep.errors import require
from bigdeep.run import files, folder, machine

WIDTHS = (384, 384)  # of the generator
JUDGE = (512, 256, 128)  # of the discriminator
BATCH = 240
RATE, AVERAGE = 5e-4, 0.999
CHUNK = 1000  # images compared at once with the training set
REAL = 0.9  # one-sided label smoothing, Salimans et al. 2016, section 3.4
CLASS, FEATURES = 0.3, 1.0  # weights of the generator's class loss and of feature matching


class Players(NamedTuple):
    """Parameters and optimizer states of both, and the moving average of the generator's parameters."""

    generator: Any
    discriminator: Any
    average: Any
    generator_state: Any
    discriminator_state: Any


def fit(images: np.ndarray, labels: np.ndarray, dataset: str, epochs: int, report: Callable[[str], None]) -> Fitted:
    """Trains on uint8 images (N, H, W, C) and labels (N,); the moving average of the generator is what counts.

    report: told of the progress, a line per epoch.
    """
    classes, shape = int(labels.max()) + 1, images.shape[1:]
    start, one_step = game(shape, classes, len(labels) // BATCH * epochs)
    players = start(jax.random.key(0))
    pixels, wanted = jnp.asarray(images.reshape(len(images), -1)), jnp.asarray(labels.astype(np.int32))
    run = jax.jit(functools.partial(one_epoch, one_step=one_step), donate_argnums=0)
    for epoch in range(epochs):
        players, losses = run(players, jax.random.fold_in(jax.random.key(1), epoch), pixels, wanted)
        report(f"epoch {epoch + 1}/{epochs}, " + ", ".join(f"{name} {value:.3f}" for name, value in losses.items()))
    return Fitted(jax.tree.map(np.asarray, players.average), shape, classes, dataset)


def game(shape: tuple[int, ...], classes: int, steps: int) -> tuple[Callable, Callable]:
    """(start(key) -> Players, one_step(players, (pixels, labels, key)) -> (Players, losses)), for a run of `steps`."""
    size = int(np.prod(shape))
    generator, discriminator = gan.Generator(WIDTHS, classes, size), gan.Discriminator(JUDGE, classes)
    tx = optax.adam(optax.linear_schedule(RATE, 0.0, steps), b1=0.5, b2=0.99)

    def start(key: jax.Array) -> Players:
        keys = jax.random.split(key, 3)
        z, one = jnp.zeros((1, LATENT)), jnp.zeros(1, jnp.int32)
        g = generator.init(keys[0], z, one)["params"]
        d = discriminator.init(keys[1], jnp.zeros((1, size)), one, keys[2])["params"]
        return Players(g, d, jax.tree.map(jnp.copy, g), tx.init(g), tx.init(d))

    def judge(d: Any, pixels: jax.Array, labels: jax.Array, key: jax.Array) -> tuple:
        return discriminator.apply({"params": d}, pixels, labels, key)

    def generate(g: Any, labels: jax.Array, key: jax.Array) -> Any:
        return generator.apply({"params": g}, jax.random.normal(key, (len(labels), LATENT)), labels)

    def discriminator_loss(d: Any, g: Any, real: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        keys = jax.random.split(key, 3)
        seen, logits, _ = judge(d, real, labels, keys[0])
        fake, _, _ = judge(d, generate(g, labels, keys[1]), labels, keys[2])
        adversarial = optax.sigmoid_binary_cross_entropy(seen, REAL) + jax.nn.softplus(fake)
        return jnp.mean(adversarial + optax.softmax_cross_entropy_with_integer_labels(logits, labels))

    def generator_loss(g: Any, d: Any, real: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        keys = jax.random.split(key, 3)
        fake, logits, features = judge(d, generate(g, labels, keys[0]), labels, keys[1])
        wanted = judge(d, real, labels, keys[2])[2].mean(axis=0)
        matching = jnp.mean(jnp.abs(features.mean(axis=0) - wanted))
        classified = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.mean(jax.nn.softplus(-fake) + CLASS * classified) + FEATURES * matching

    def one_step(players: Players, batch: tuple) -> tuple[Players, dict]:
        real, labels, key = batch
        g, d, average, g_state, d_state = players
        d_key, g_key = jax.random.split(key)
        d_loss, d_gradient = jax.value_and_grad(discriminator_loss)(d, g, real / 255.0, labels, d_key)
        updates, d_state = tx.update(d_gradient, d_state)
        d = optax.apply_updates(d, updates)
        g_loss, g_gradient = jax.value_and_grad(generator_loss)(g, d, real / 255.0, labels, g_key)
        updates, g_state = tx.update(g_gradient, g_state)
        g = optax.apply_updates(g, updates)
        average = optax.incremental_update(g, average, 1 - AVERAGE)
        return Players(g, d, average, g_state, d_state), {"discriminator": d_loss, "generator": g_loss}

    return start, one_step


def one_epoch(
    players: Players, key: jax.Array, pixels: jax.Array, labels: jax.Array, *, one_step: Callable
) -> tuple[Players, dict]:
    """All batches once, in another order each epoch; mean losses. A random remainder of the images sits out."""
    order_key, step_key = jax.random.split(key)
    count = len(labels) // BATCH
    order = jax.random.permutation(order_key, len(labels))[: count * BATCH].reshape(count, BATCH)
    keys = jax.random.split(step_key, count)

    def body(players: Players, batch: tuple) -> tuple[Players, dict]:
        index, key = batch
        return one_step(players, (pixels[index], labels[index], key))

    players, losses = jax.lax.scan(body, players, (order, keys))
    return players, {name: value.mean() for name, value in losses.items()}


def train(dataset: data.Dataset, epochs: int, path: pathlib.Path) -> dict:
    """Fits and saves; returns what is to be printed."""
    start = time.time()

    def report(line: str) -> None:
        print(f"{line}, {time.time() - start:.0f} s", file=sys.stderr, flush=True)

    fitted = fit(dataset.train_images, dataset.train_labels, dataset.name, epochs, report)
    generative.save(path, fitted, sha256=dataset.sha256)
    return {"dataset": dataset.name, "epochs": epochs, "seconds": round(time.time() - start, 1), "output": path.name}


def judge(dataset: data.Dataset, path: pathlib.Path, workdir: pathlib.Path, count: int) -> dict:
    """How a net classifies samples, and how near they are to training images; distances are rms grey levels."""
    fitted = generative.load(path)
    shape = dataset.train_images.shape[1:]
    require(shape == fitted.shape, "--data", f"images {shape}", f"those of the generator, {fitted.shape}")
    labels = np.arange(count) % fitted.classes
    samples = np.asarray(generative.sample(jax.random.key(0), fitted, jnp.asarray(labels)))
    net = folder.net(workdir)
    seen = pixels.padded(samples, net.dataset["shape"][0])
    named = np.asarray(jax.jit(net.logits)(net.params, net.model_state, seen)).argmax(axis=1)
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
    workdir = flags.FLAGS.judge
    path, record = cli.optional_output("output", ".npz"), cli.optional_output("record", ".json")
    machine.prepare()
    dataset = data.load(flags.FLAGS.data, "auto", "")
    if workdir:
        done = judge(dataset, path or generative.MNIST, pathlib.Path(workdir), flags.FLAGS.samples)
    else:
        done = train(dataset, flags.FLAGS.epochs, cli.output("output", ".npz"))
    print(json.dumps(done))
    if record:
        files.write_json(record, {"kind": "fit", **done} | machine.origin())


if __name__ == "__main__":
    flags.DEFINE_string("judge", "", "the folder of a finished run, whose net judges the samples; no training then")
    flags.DEFINE_string("data", "mnist", "the data set whose training images are imitated")
    flags.DEFINE_integer("epochs", 100, "how long to train", lower_bound=1)
    flags.DEFINE_integer("samples", 10_000, "how many samples are judged", lower_bound=1)
    flags.DEFINE_string("output", "", "the generator's file, .npz; with --judge the packaged one if not given")
    flags.DEFINE_string("record", "", "a file to keep what is printed in, runs/NAME.json say")
    cli.run(main, __doc__)
