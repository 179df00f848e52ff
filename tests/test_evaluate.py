"""Error counts and the choice of the best row."""

import numpy as np

from bigdeep import evaluate


def test_errors_are_counted_one_by_one(rng):
    scores, labels = rng.standard_normal((1001, 10)), rng.integers(0, 10, 1001)
    wrong = [max(range(10), key=lambda c: row[c]) != label for row, label in zip(scores, labels, strict=True)]
    assert evaluate.count_errors(scores, labels) == sum(wrong)
    assert evaluate.halves(scores, labels) == [sum(wrong[:500]), sum(wrong[500:])]


def test_equal_scores_go_to_the_lower_class():
    assert evaluate.count_errors(np.zeros((2, 10)), np.array([0, 1])) == 1


def test_best_row_is_the_latest_of_the_fewest_validation_errors_whatever_the_test_set_says():
    rows = [
        {"step": 1},
        {"step": 2, "validation_errors": 5, "test_errors": 1},
        {"step": 3, "validation_errors": 4, "test_errors": 9},
        {"step": 4, "validation_errors": 4, "test_errors": 8},
        {"step": 5, "validation_errors": 6, "test_errors": 0},
        {"step": 6},
    ]
    assert evaluate.best_row(rows)["step"] == 4
    assert evaluate.best_row(rows[:1]) is None
