"""Mixup against its definition in NumPy and the Beta distribution of scipy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bigdeep import experiment, step
from bigdeep.data import pixels
from bigdeep.learn import mixup
from bigdeep.sections import BadValue

COUNT = 6


@pytest.fixture(scope="module")
def batch():
    """(inputs (6, 5, 4, 1), labels (6,))."""
    inputs = np.random.default_rng(0).uniform(-1, 1, (COUNT, 5, 4, 1))
    return jnp.asarray(inputs, jnp.float32), jnp.asarray([3, 1, 4, 1, 5, 9])


def shares(inputs, mixed):
    """What share of itself each image kept, by least squares, and how far the blend is from that."""
    partners = np.roll(np.asarray(inputs, np.float64), -1, axis=0)
    rest = (np.asarray(x, np.float64) - p for x, p in zip(mixed, partners, strict=True))
    own = [x - p for x, p in zip(np.asarray(inputs, np.float64), partners, strict=True)]
    found = [(np.sum(r * o) / np.sum(o * o), r, o) for r, o in zip(rest, own, strict=True)]
    return np.array([m for m, _, _ in found]), max(np.abs(r - m * o).max() for m, r, o in found)


def test_images_and_labels_are_blended_in_the_same_shares(batch):
    inputs, labels = batch
    mixed, targets = mixup.build(0.7, 10)(jax.random.key(1), inputs, labels)
    share, off = shares(inputs, mixed)
    assert off < 1e-6
    assert len(set(share.round(5))) == COUNT
    one_hot = np.eye(10)[np.asarray(labels)]
    expected = share[:, None] * one_hot + (1 - share[:, None]) * np.roll(one_hot, -1, axis=0)
    np.testing.assert_allclose(targets, expected, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 4.0])
def test_shares_are_the_larger_sides_of_beta_numbers(alpha):
    count = 4000
    inputs = jnp.stack([jnp.zeros(count), jnp.ones(count)], axis=1).reshape(2 * count, 1, 1, 1)
    mixed, _ = mixup.build(alpha, 10)(jax.random.key(2), inputs, jnp.zeros(2 * count, jnp.uint8))
    share = np.abs(np.asarray(mixed).reshape(-1, 2) - [1.0, 0.0]).ravel()

    def cdf(m):
        return stats.beta.cdf(m, alpha, alpha) - stats.beta.cdf(1 - m, alpha, alpha)

    assert share.min() >= 0.5
    assert stats.kstest(share, cdf).pvalue > 0.01


def test_none_leaves_images_as_they_are_and_labels_one_hot(batch):
    inputs, labels = batch
    mixed, targets = mixup.build(0.0, 10)(jax.random.key(0), inputs, labels)
    assert mixed is inputs
    np.testing.assert_array_equal(targets, np.eye(10)[np.asarray(labels)])


@pytest.mark.parametrize("alpha", [-0.1, "0.2", True, float("nan")])
def test_alpha_is_a_number_from_zero_on(alpha):
    with pytest.raises(BadValue, match="mixup: found"):
        mixup.build(alpha, 10)


def test_a_single_image_has_no_partner(smoke):
    with pytest.raises(BadValue, match="config.mixup: found 0.2, expected 0 for batches of one image"):
        experiment.build(smoke("mlp5_paper") | {"mixup": 0.2})


@pytest.mark.slow
def test_a_step_trains_on_the_blend(smoke):
    """The loss of a run's own step is that of the blend, drawn with the third key of the step."""
    config = smoke("mlp2")
    exact = {**config["model"], "precision": "float32"}
    built = experiment.build({**config, "model": exact, "augment": [], "mixup": 1.0})
    state, key, train = experiment.initial_state(built), jax.random.key(3), built.data.train
    images, labels = jnp.asarray(train.images[::83]), jnp.asarray(train.labels[::83])
    _, metrics = built.one_step(state, (images, labels), key)

    def loss(alpha):
        unmixed = pixels.to_inputs(images.astype(jnp.float32))
        inputs, blended = mixup.build(alpha, 10)(step.keys(key, state.step)[2], unmixed, labels)
        logits = built.model.apply(state.params, state.model_state, inputs, key, train=True)[0]
        return float(built.loss.per_example(logits, built.loss.targets(inputs, blended)).mean())

    assert float(metrics["train_loss"]) == pytest.approx(loss(1.0), rel=1e-5)
    assert float(metrics["train_loss"]) != pytest.approx(loss(0.0), rel=1e-3)
