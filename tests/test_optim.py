"""Schedules against their formulas, optimizers against NumPy."""

import jax
import numpy as np
import optax
import pytest

from bigdeep import optim
from bigdeep.config import BadValue

COSINE = {"name": "cosine", "rate": 0.1, "warmup": 0.5, "end": 0.01}
GEOMETRIC = {"name": "geometric", "rate": 1e-3, "end": 1e-6, "decay": 0.995}


def rates(section, epoch_steps, total_steps):
    schedule = optim.build_schedule(section, epoch_steps, total_steps)
    return np.array([float(schedule(step)) for step in range(total_steps)])


def test_geometric_decays_after_every_epoch_down_to_its_floor():
    found = rates({**GEOMETRIC, "decay": 0.5}, 3, 45)
    np.testing.assert_allclose(found, np.maximum(1e-6, 1e-3 * 0.5 ** (np.arange(45) // 3)), rtol=1e-5)


def test_geometric_without_decay_is_constant_and_counts_epochs_in_whole_steps():
    np.testing.assert_allclose(rates({**GEOMETRIC, "decay": 1.0}, 3, 9), 1e-3, rtol=1e-6)
    schedule = optim.build_schedule(GEOMETRIC, 60_000, 1380 * 60_000)
    for step, epoch in [(280 * 60_000 - 1, 279), (280 * 60_000, 280)]:
        assert float(schedule(np.int32(step))) == pytest.approx(1e-3 * 0.995**epoch, rel=1e-4)


def test_the_papers_decay_reaches_its_floor_in_about_1380_epochs():
    schedule = optim.build_schedule(GEOMETRIC, 1, 1500)
    assert float(schedule(1370)) > 1e-6
    assert float(schedule(1385)) == pytest.approx(1e-6)


def test_cosine_warms_up_and_ends():
    found = rates(COSINE, 20, 110)
    step = np.arange(110)
    falling = 0.01 + 0.09 * (1 + np.cos(np.pi * (step - 10) / 100)) / 2
    np.testing.assert_allclose(found, np.where(step < 10, 0.1 * step / 10, falling), rtol=1e-5)


def test_cosine_without_warm_up_starts_at_its_peak():
    assert rates({**COSINE, "warmup": 0.0}, 20, 100)[0] == pytest.approx(0.1)


def test_constant():
    np.testing.assert_allclose(rates({"name": "constant", "rate": 0.3}, 5, 10), 0.3, rtol=1e-6)


def trajectory(tx, gradients, start):
    state, w = tx.init(start), start
    for g in gradients:
        updates, state = tx.update(g, state, w)
        w = optax.apply_updates(w, updates)
    return np.asarray(w)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_its_formula(rng, momentum):
    gradients, start = rng.standard_normal((10, 4)), rng.standard_normal(4)
    w, v = start, 0.0
    for g in gradients:
        v = momentum * v + g
        w = w - 0.1 * v
    with jax.enable_x64(True):
        found = trajectory(optim.build({"name": "sgd", "momentum": momentum}, lambda step: 0.1), gradients, start)
    np.testing.assert_allclose(found, w, rtol=1e-10)


def test_adamw_is_its_formula(rng):
    gradients, start = rng.standard_normal((10, 4)), rng.standard_normal(4)
    w, m, v = start, 0.0, 0.0
    for t, g in enumerate(gradients, start=1):
        rate = 0.1 / t
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2
        w = w - rate * (m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8) + 0.02 * w)
    section = {"name": "adamw", "b1": 0.9, "b2": 0.99, "eps": 1e-8, "weight_decay": 0.02}
    with jax.enable_x64(True):
        found = trajectory(optim.build(section, lambda step: 0.1 / (step + 1)), gradients, start)
    np.testing.assert_allclose(found, w, rtol=1e-6)  # optax takes the powers of b1 and b2 in float32


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({**COSINE, "rate": -1.0}, "schedule.rate: found -1.0, expected a number > 0"),
        ({**COSINE, "warmup": 9.0}, "schedule.warmup: found 9.0"),
        ({**COSINE, "end": 0.2}, "schedule.end: found 0.2"),
        ({**GEOMETRIC, "decay": 1.5}, "schedule.decay: found 1.5"),
        ({"name": "cosin"}, "schedule.name: found 'cosin', .*did you mean 'cosine'"),
    ],
)
def test_impossible_schedules_are_refused(section, message):
    with pytest.raises(BadValue, match=message):
        optim.build_schedule(section, 10, 50)


def test_impossible_optimizers_are_refused():
    with pytest.raises(BadValue, match="optimizer.momentum: found 1.0"):
        optim.build({"name": "sgd", "momentum": 1.0}, lambda step: 0.1)


def test_strength_is_straight_lines_through_its_points():
    schedule = optim.strength([[0, 1], [0.7, 1], [1, 0.3]], 1000)
    for step, expected in {0: 1.0, 700: 1.0, 850: 0.65, 1000: 0.3, 2000: 0.3}.items():
        assert float(schedule(np.int32(step))) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("points", [[], 1.0, [[0.5]], [[0, -1]], [[2, 1]], [[0.5, 1], [0.5, 2]], [[0.7, 1], [0.1, 1]]])
def test_strengths_that_are_none_are_refused(points):
    with pytest.raises(BadValue, match="strength: found"):
        optim.strength(points, 10)
