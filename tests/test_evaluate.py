"""Error counts."""

import numpy as np

from bigdeep import evaluate


def test_errors_are_counted_one_by_one(rng):
    scores, labels = rng.standard_normal((1001, 10)), rng.integers(0, 10, 1001)
    wrong = [max(range(10), key=lambda c: row[c]) != label for row, label in zip(scores, labels, strict=True)]
    assert evaluate.count_errors(scores, labels) == sum(wrong)
    assert evaluate.halves(scores, labels) == [sum(wrong[:500]), sum(wrong[500:])]


def test_equal_scores_go_to_the_lower_class():
    assert evaluate.count_errors(np.zeros((2, 10)), np.array([0, 1])) == 1
