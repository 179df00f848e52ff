"""Mixup against its definition in NumPy and the Beta distribution of scipy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bigdeep import experiment, losses, mixup, program, step
from bigdeep.augment import warp
from bigdeep.config import BadValue

COUNT = 6


@pytest.fixture(scope="module")
def batch():
    """(inputs (6, 5, 4, 1), labels (6,), logits (6, 10)), all random."""
    rng = np.random.default_rng(0)
    inputs, logits = rng.uniform(-1, 1, (COUNT, 5, 4, 1)), rng.standard_normal((COUNT, 10))
    return jnp.asarray(inputs, jnp.float32), jnp.asarray([3, 1, 4, 1, 5, 9]), jnp.asarray(logits, jnp.float32)


def shares(inputs, mixed):
    """What share of itself each image kept, by least squares, and how far the blend is from that."""
    partners = np.roll(np.asarray(inputs, np.float64), -1, axis=0)
    rest = (np.asarray(x, np.float64) - p for x, p in zip(mixed, partners, strict=True))
    own = [x - p for x, p in zip(np.asarray(inputs, np.float64), partners, strict=True)]
    found = [(np.sum(r * o) / np.sum(o * o), r, o) for r, o in zip(rest, own, strict=True)]
    return np.array([m for m, _, _ in found]), max(np.abs(r - m * o).max() for m, r, o in found)


def test_images_and_losses_are_blended_in_the_same_shares(batch):
    inputs, labels, logits = batch
    mixed, loss = mixup.build(0.7)(jax.random.key(1), inputs, losses.cross_entropy(0.1))
    share, off = shares(inputs, mixed)
    assert off < 1e-6
    assert len(set(share.round(5))) == COUNT
    z = np.asarray(logits, np.float64)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    one_hot = np.eye(10)[np.asarray(labels)]
    targets = share[:, None] * one_hot + (1 - share[:, None]) * np.roll(one_hot, -1, axis=0)
    expected = -np.sum((0.9 * targets + 0.01) * log_p, axis=1)
    np.testing.assert_allclose(loss(logits, labels, mixed), expected, rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 4.0])
def test_shares_are_the_larger_sides_of_beta_numbers(alpha):
    count = 4000
    inputs = jnp.stack([jnp.zeros(count), jnp.ones(count)], axis=1).reshape(2 * count, 1, 1, 1)
    mixed, _ = mixup.build(alpha)(jax.random.key(2), inputs, losses.cross_entropy(0.0))
    share = np.abs(np.asarray(mixed).reshape(-1, 2) - [1.0, 0.0]).ravel()

    def cdf(m):
        return stats.beta.cdf(m, alpha, alpha) - stats.beta.cdf(1 - m, alpha, alpha)

    assert share.min() >= 0.5
    assert stats.kstest(share, cdf).pvalue > 0.01


def test_none_leaves_all_as_it_is(batch):
    inputs, _, _ = batch
    loss = losses.cross_entropy(0.1)
    assert mixup.build(0.0)(jax.random.key(0), inputs, loss) == (inputs, loss)


@pytest.mark.parametrize("alpha", [-0.1, "0.2", True, float("nan")])
def test_alpha_is_a_number_from_zero_on(alpha):
    with pytest.raises(BadValue, match="mixup: found"):
        mixup.build(alpha)


def test_a_single_image_has_no_partner(smoke):
    with pytest.raises(BadValue, match="config.mixup: found 0.2, expected 0 for batches of one image"):
        experiment.build(smoke("mlp5_paper") | {"mixup": 0.2})


def test_a_step_trains_on_the_blend(smoke):
    """The loss of a run's own step is that of the blend, drawn with the third key of the step."""
    config = smoke("mlp2")
    exact = {**config["model"], "precision": "float32"}
    built = experiment.build({**config, "model": exact, "augment": [], "mixup": 1.0})
    state, key = program.initial_state(built), jax.random.key(3)
    images, labels = jnp.asarray(built.train.images[::83]), jnp.asarray(built.train.labels[::83])
    _, metrics = built.one_step(state, (images, labels), key)
    inputs, loss = mixup.build(1.0)(step.keys(key, state.step)[2], warp.scale(images.astype(jnp.float32)), built.loss)
    logits = built.model.apply(state.params, state.model_state, inputs, key, train=True)[0]
    assert float(metrics["train_loss"]) == pytest.approx(float(loss(logits, labels, inputs).mean()), rel=1e-5)
    assert float(metrics["train_loss"]) != pytest.approx(float(built.loss(logits, labels, inputs).mean()), rel=1e-3)
