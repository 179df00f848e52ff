"""Trains the generator: a class-conditional GAN with feature matching, small enough for two cores."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bigdeep.augment.generative import LATENT, Fitted
from bigdeep.models import gan

WIDTHS = (384, 384)  # of the generator
JUDGE = (512, 256, 128)  # of the discriminator
BATCH = 240
RATE, AVERAGE = 5e-4, 0.999
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

    report: told of the progress, a line an epoch.
    """
    classes, shape = int(labels.max()) + 1, images.shape[1:]
    start, one_step = game(shape, classes, len(labels) // BATCH * epochs)
    players = start(jax.random.key(0))
    pixels, labels = jnp.asarray(images.reshape(len(images), -1)), jnp.asarray(labels.astype(np.int32))
    run = jax.jit(functools.partial(one_epoch, one_step=one_step), donate_argnums=0)
    for epoch in range(epochs):
        players, losses = run(players, jax.random.fold_in(jax.random.key(1), epoch), pixels, labels)
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

    def generate(g: Any, labels: jax.Array, key: jax.Array) -> jax.Array:
        return generator.apply({"params": g}, jax.random.normal(key, (len(labels), LATENT)), labels)

    def discriminator_loss(d: Any, g: Any, real: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        keys = jax.random.split(key, 3)
        seen, logits, _ = judge(d, real, labels, keys[0])
        made, _, _ = judge(d, generate(g, labels, keys[1]), labels, keys[2])
        adversarial = optax.sigmoid_binary_cross_entropy(seen, REAL) + jax.nn.softplus(made)
        return jnp.mean(adversarial + optax.softmax_cross_entropy_with_integer_labels(logits, labels))

    def generator_loss(g: Any, d: Any, real: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        keys = jax.random.split(key, 3)
        made, logits, features = judge(d, generate(g, labels, keys[0]), labels, keys[1])
        wanted = judge(d, real, labels, keys[2])[2].mean(axis=0)
        matching = jnp.mean(jnp.abs(features.mean(axis=0) - wanted))
        named = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.mean(jax.nn.softplus(-made) + CLASS * named) + FEATURES * matching

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

    def body(players: Players, own: tuple) -> tuple[Players, dict]:
        index, key = own
        return one_step(players, (pixels[index], labels[index], key))

    players, losses = jax.lax.scan(body, players, (order, keys))
    return players, {name: value.mean() for name, value in losses.items()}
