"""Schedules against their formulas."""

import numpy as np
import pytest

from bigdeep.learn import schedules
from bigdeep.sections import BadValue

COSINE = {"name": "cosine", "rate": 0.1, "end": 0.01}
GEOMETRIC = {"name": "geometric", "rate": 1e-3, "end": 1e-6, "decay": 0.995}


STEPS = {"name": "steps", "rate": 0.1, "decay": 0.1, "at": (0.5, 0.75)}
ONE_CYCLE = {"name": "one_cycle", "rate": 0.1, "start": 0.02, "end": 0.001, "peak": 0.3}


def rates(section, epoch_steps, total_steps, warmup_epochs=0.0):
    schedule = schedules.build(section, warmup_epochs, epoch_steps, total_steps)
    return np.array([float(schedule(step)) for step in range(total_steps)])


def test_geometric_decays_after_every_epoch_down_to_its_floor():
    found = rates({**GEOMETRIC, "decay": 0.5}, 3, 45)
    np.testing.assert_allclose(found, np.maximum(1e-6, 1e-3 * 0.5 ** (np.arange(45) // 3)), rtol=1e-5)


def test_geometric_without_decay_is_constant_and_counts_epochs_in_whole_steps():
    np.testing.assert_allclose(rates({**GEOMETRIC, "decay": 1.0}, 3, 9), 1e-3, rtol=1e-6)
    schedule = schedules.build(GEOMETRIC, 0.0, 60_000, 1380 * 60_000)
    for step, epoch in [(280 * 60_000 - 1, 279), (280 * 60_000, 280)]:
        assert float(schedule(np.int32(step))) == pytest.approx(1e-3 * 0.995**epoch, rel=1e-4)


def test_the_papers_decay_reaches_its_floor_in_about_1380_epochs():
    schedule = schedules.build(GEOMETRIC, 0.0, 1, 1500)
    assert float(schedule(1370)) > 1e-6
    assert float(schedule(1385)) == pytest.approx(1e-6)


def test_cosine_warms_up_and_ends():
    found = rates(COSINE, 20, 110, warmup_epochs=0.5)
    step = np.arange(110)
    falling = 0.01 + 0.09 * (1 + np.cos(np.pi * (step - 10) / 100)) / 2
    np.testing.assert_allclose(found, np.where(step < 10, 0.1 * step / 10, falling), rtol=1e-5)


def test_cosine_without_warm_up_starts_at_its_peak():
    assert rates(COSINE, 20, 100)[0] == pytest.approx(0.1)


def test_steps_fall_at_their_shares_of_the_run():
    found, step = rates(STEPS, 5, 40), np.arange(40)
    np.testing.assert_allclose(found, 0.1 * 0.1 ** ((step >= 20) * 1.0 + (step >= 30)), rtol=1e-5)


def test_linear_is_a_line():
    found = rates({"name": "linear", "rate": 0.1, "end": 0.02}, 5, 40)
    np.testing.assert_allclose(found, np.linspace(0.1, 0.02, 41)[:40], rtol=1e-5)


def test_one_cycle_is_two_lines():
    found = rates(ONE_CYCLE, 5, 40)
    np.testing.assert_allclose(found, np.interp(np.arange(40), [0, 12, 40], [0.02, 0.1, 0.001]), rtol=1e-5)


@pytest.mark.parametrize("section", [STEPS, GEOMETRIC, {"name": "constant", "rate": 0.3}], ids=lambda s: s["name"])
def test_every_schedule_follows_its_warm_up(section):
    late, alone = rates(section, 5, 50, warmup_epochs=2.0), rates(section, 5, 40)
    np.testing.assert_allclose(late, np.concatenate([alone[0] * np.arange(10) / 10, alone]), rtol=1e-5)


def test_constant():
    np.testing.assert_allclose(rates({"name": "constant", "rate": 0.3}, 5, 10), 0.3, rtol=1e-6)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({**COSINE, "rate": -1.0}, r"schedule.rate: found -1.0, expected a number in \(0, inf\)"),
        (None, "schedule: found None, expected a section"),
        ({**STEPS, "at": (0.5, "x")}, "schedule.at: found 'x', expected a number"),
        ({**STEPS, "at": 0.5}, "schedule.at: found 0.5, expected a list"),
        ({**STEPS, "at": (0.5, 0.2)}, "schedule.at: found"),
        ({**ONE_CYCLE, "peak": 1.0}, "schedule.peak: found 1.0"),
        ({**COSINE, "end": 0.2}, "schedule.end: found 0.2"),
        ({**GEOMETRIC, "decay": 1.5}, "schedule.decay: found 1.5"),
        ({"name": "cosin"}, "schedule.name: found 'cosin', .*did you mean 'cosine'"),
    ],
)
def test_impossible_schedules_are_refused(section, message):
    with pytest.raises(BadValue, match=message):
        schedules.build(section, 0.0, 10, 50)


@pytest.mark.parametrize("epochs", [-1.0, 4.95, "1"])
def test_impossible_warm_ups_are_refused(epochs):
    with pytest.raises(BadValue, match=r"warmup_epochs: found .*, expected a number in \[0, 4.9\]"):
        schedules.build(COSINE, epochs, 10, 50)


def test_strength_is_straight_lines_through_its_points():
    schedule = schedules.strength([[0, 1], [0.7, 1], [1, 0.3]], 1000)
    for step, expected in {0: 1.0, 700: 1.0, 850: 0.65, 1000: 0.3, 2000: 0.3}.items():
        assert float(schedule(np.int32(step))) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("points", [[], 1.0, [[0.5]], [[0, -1]], [[2, 1]], [[0.5, 1], [0.5, 2]], [[0.7, 1], [0.1, 1]]])
def test_strengths_that_are_none_are_refused(points):
    with pytest.raises(BadValue, match="strength: found"):
        schedules.strength(points, 10)
