"""Losses against closed forms, and their gradients against central differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bigdeep.learn import losses
from bigdeep.sections import BadValue

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0]])
LABELS = np.array([0, 2], np.uint8)
ONE_HOT = np.eye(3)[LABELS]
BLENDED = 0.7 * ONE_HOT + 0.3 * ONE_HOT[::-1]


def values(loss: losses.Loss, logits, labels, inputs=None):
    return loss.per_example(jnp.asarray(logits), loss.targets(inputs, jnp.asarray(labels)))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_cross_entropy_is_its_formula(smoothing):
    with jax.enable_x64(True):
        found = values(losses.cross_entropy(smoothing), LOGITS, ONE_HOT)
    log_softmax = LOGITS - np.log(np.exp(LOGITS).sum(axis=1, keepdims=True))
    targets = np.full((2, 3), smoothing / 3)
    targets[[0, 1], LABELS] += 1 - smoothing
    np.testing.assert_allclose(found, -(targets * log_softmax).sum(axis=1), rtol=1e-12)


def test_squared_error_is_its_formula():
    with jax.enable_x64(True):
        found = values(losses.squared_error(-1.0, 1.0), LOGITS, ONE_HOT)
    np.testing.assert_allclose(found, [0.5 * (1 + 0 + 1.5**2), 0.5 * 3], rtol=1e-12)


def test_map_is_lecuns_equation_9():
    """With distances y = -logits: y_label + log(exp(-j) + sum exp(-y))."""
    with jax.enable_x64(True):
        found = values(losses.maximum_a_posteriori(2.0), LOGITS, ONE_HOT)
    y = -LOGITS
    expected = y[[0, 1], LABELS] + np.log(np.exp(-2.0) + np.exp(-y).sum(1))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def teachers(workdir):
    """A teacher whose logits are the inputs; the second one's are upside down."""
    both = {"runs/teacher": lambda inputs: inputs, "runs/other": lambda inputs: -inputs}
    return [both[folder] for folder in workdir.split(",")]


@pytest.mark.parametrize(("hard", "folders"), [(0.0, "runs/teacher"), (0.3, "runs/teacher"), (1.0, "runs/teacher"),
                                               (0.3, "runs/teacher,runs/other")])  # fmt: skip
def test_distillation_is_its_formula(rng, hard, folders):
    inputs, t = rng.standard_normal((2, 3)), 4.0
    section = {"name": "distillation", "workdir": folders, "temperature": t, "hard": hard}
    with jax.enable_x64(True):
        loss = losses.build(section, False, teachers)
        found = values(loss, LOGITS, ONE_HOT, jnp.asarray(inputs))

    def log_softmax(z):
        return z - np.log(np.exp(z).sum(axis=1, keepdims=True))

    softened = np.mean([np.exp(log_softmax(logits(inputs) / t)) for logits in teachers(folders)], axis=0)
    soft = -(softened * log_softmax(LOGITS / t)).sum(1)
    true = -log_softmax(LOGITS)[[0, 1], LABELS]
    np.testing.assert_allclose(found, (1 - hard) * t**2 * soft + hard * true, rtol=1e-6)
    by_inputs = jax.grad(lambda x: values(loss, LOGITS, ONE_HOT, x).sum())(jnp.asarray(inputs))
    assert not np.any(by_inputs)  # nothing is learnt by the teacher


@pytest.mark.parametrize("section", [{"name": "cross_entropy", "label_smoothing": 0.1},
                                     {"name": "map", "penalty": 3.0}])  # fmt: skip
def test_the_loss_of_blended_labels_is_the_blend_of_their_losses(section):
    """Where a loss is linear in its targets: cross-entropy and LeCun's."""
    with jax.enable_x64(True):
        loss = losses.build(section, section["name"] == "map", teachers)
        blended, each, other = (
            np.asarray(values(loss, LOGITS, labels)) for labels in (BLENDED, ONE_HOT, ONE_HOT[::-1])
        )
    np.testing.assert_allclose(blended, 0.7 * each + 0.3 * other, rtol=1e-12)


@pytest.mark.parametrize("section", [{"name": "cross_entropy", "label_smoothing": 0.1},
                                     {"name": "squared_error", "low": -1.0, "high": 1.0},
                                     {"name": "map", "penalty": 3.0}])  # fmt: skip
def test_gradients_are_central_differences(section):
    with jax.enable_x64(True):
        made = losses.build(section, section["name"] == "map", teachers)

        def loss(z):
            return values(made, z, BLENDED)

        found = np.asarray(jax.grad(lambda z: loss(z).sum())(LOGITS))
        for index in np.ndindex(LOGITS.shape):
            h = np.zeros_like(LOGITS)
            h[index] = 1e-6
            difference = (loss(LOGITS + h).sum() - loss(LOGITS - h).sum()) / 2e-6
            assert found[index] == pytest.approx(float(difference), abs=1e-8)


def test_huge_logits_stay_finite():
    logits = np.array([[1e4, -1e4, 0.0]], np.float32)
    assert np.isfinite(values(losses.cross_entropy(0.1), logits, np.eye(3, dtype=np.float32)[[1]])).all()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "mse"}, "loss.name: found 'mse', expected one of cross_entropy, distillation, map"),
        ({"name": "cross_entropy", "label_smoothing": 1.0}, "loss.label_smoothing: found 1.0"),
        ({"name": "cross_entropy", "label_smooting": 0.1}, "loss.label_smooting: .*did you mean 'label_smoothing'"),
        ({"name": "cross_entropy"}, "loss.label_smoothing: found 'no value'"),
        ({"name": "map", "penalty": 1.0}, "loss.name: found 'map', expected one of .* with a head without rbf"),
        ({"name": "distillation", "workdir": "", "temperature": 0.0, "hard": 0.0}, "loss.temperature: found 0.0"),
        (
            {"name": "squared_error", "low": 1.0, "high": -1.0},
            r"loss.high: found -1.0, .* in \(1.0, inf\)",
        ),
    ],
)
def test_impossible_sections_are_refused(section, message):
    with pytest.raises(BadValue, match=message):
        losses.build(section, False, teachers)


def test_an_rbf_head_takes_no_cross_entropy():
    with pytest.raises(BadValue, match="loss.name: found 'cross_entropy', expected one of map with an rbf head"):
        losses.build({"name": "cross_entropy", "label_smoothing": 0.0}, True, teachers)
