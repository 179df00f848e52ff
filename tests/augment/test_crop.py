"""The usual augmentation of CIFAR-10, against its definitions."""

import jax
import numpy as np
import pytest

from bigdeep.augment import crop
from bigdeep.sections import BadValue
from conftest import displacements

SHAPE = (32, 32, 3)
LABELS = np.zeros(4000, np.uint8)


@pytest.fixture
def pixels(rng):
    return rng.uniform(1, 255, (4000, 8, 8, 3)).astype(np.float32)


def test_crops_are_whole_pixels_all_equally_likely():
    found = displacements(crop.crop(4, SHAPE), LABELS, SHAPE[:2])
    assert np.array_equal(found, np.broadcast_to(found[:, :, :1, :1], found.shape))
    values, counts = np.unique(found[:, :, 0, 0], return_counts=True)
    assert list(values) == list(range(-4, 5))
    assert counts.min() > 0.8 * 8000 / 9
    assert abs(np.corrcoef(found[:, :, 0, 0].T)[0, 1]) < 0.05


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_flips_mirror_columns_with_the_given_probability(pixels, probability):
    found = np.asarray(crop.flip(probability).retouch(jax.random.key(0), pixels))
    flipped = (found == pixels[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (found == pixels).all(axis=(1, 2, 3))
    assert (flipped | kept).all()
    assert flipped.mean() == pytest.approx(probability, abs=0.03)


def test_cutout_clears_a_square_around_any_pixel(pixels):
    found = np.asarray(crop.cutout(3, 0.0, (8, 8, 3)).retouch(jax.random.key(0), pixels))
    hole = (found == 0).all(axis=3)
    np.testing.assert_array_equal(found[~hole], pixels[~hole])
    sides = hole.any(axis=2).sum(axis=1), hole.any(axis=1).sum(axis=1)
    assert np.array_equal(hole.sum(axis=(1, 2)), sides[0] * sides[1])
    # Of 8 centres an axis the first and the last lose one row of three.
    assert set(sides[0]) == {2, 3}
    assert np.mean(sides[0] == 2) == pytest.approx(2 / 8, abs=0.03)
    assert hole.mean(axis=0).min() > 0.03


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: crop.crop(-1, SHAPE), "padding: found -1"),
        (lambda: crop.crop(33, SHAPE), "padding: found 33"),
        (lambda: crop.flip(1.5), "probability: found 1.5"),
        (lambda: crop.cutout(40, 0.0, SHAPE), "length: found 40"),
        (lambda: crop.cutout(4, 300.0, SHAPE), "value: found 300.0"),
    ],
)
def test_impossible_values_are_refused(make, message):
    with pytest.raises(BadValue, match=message):
        make()
