"""The mixture of deformations that a config lists."""

import jax
import numpy as np
import pytest

from bigdeep import augment
from bigdeep.config import BadValue

PAPER = [
    {"name": "affine", "rotation": [15.0, 7.5, *[15.0] * 5, 7.5, 15.0, 15.0], "shear_share": 0.5, "scale": 0.15},
    {"name": "elastic", "sigma": 6.0, "alpha": 36.0},
]
STILL = [
    {"name": "affine", "rotation": [0.0] * 10, "shear_share": 0.5, "scale": 0.0},
    {"name": "elastic", "sigma": 6.0, "alpha": 0.0},
]


@pytest.fixture(scope="module")
def batch(digits):
    return digits.train_images[::40], digits.train_labels[::40]


def deform(sections, images, labels, seed=0):
    return np.asarray(jax.jit(augment.build(sections, images.shape[1:], 10))(jax.random.key(seed), images, labels))


def test_zero_strength_is_the_identity_bit_for_bit(batch):
    assert np.array_equal(deform(STILL, *batch), deform([], *batch))


def test_nothing_listed_only_scales(batch):
    np.testing.assert_allclose(deform([], *batch), batch[0] / 127.5 - 1, atol=1e-6)


def test_an_image_does_not_depend_on_the_size_of_its_batch(batch):
    """But for the last bits of the matrix product that makes the fields."""
    images, labels = batch
    few = deform(PAPER, images[:7], labels[:7])
    np.testing.assert_allclose(deform(PAPER, images, labels)[:7], few, atol=1e-4)


def test_every_image_and_every_key_gets_another_deformation(batch):
    images, labels = np.repeat(batch[0][:1], 50, axis=0), np.repeat(batch[1][:1], 50)
    once = deform(PAPER, images, labels).reshape(50, -1)
    assert len(np.unique(once, axis=0)) == 50
    assert not np.array_equal(once, deform(PAPER, images, labels, seed=1).reshape(50, -1))


def test_ink_stays_in_the_frame_and_digits_keep_their_weight(batch):
    """On average a deformed digit has the ink of the original; neither lost at the border nor wrapped round."""
    images, labels = batch
    ink = (deform(PAPER, images, labels) + 1).sum(axis=(1, 2, 3)) / (images / 127.5).sum(axis=(1, 2, 3))
    assert np.mean(ink) == pytest.approx(1.0, abs=0.05)
    assert ink.min() > 0.4


def test_an_unknown_deformation_names_the_nearest(batch):
    with pytest.raises(BadValue, match=r"augment\[0\].name: found 'elastik', expected one of .*mean 'elastic'"):
        augment.build([{"name": "elastik"}], batch[0].shape[1:], 10)
