"""Sharpening against scipy's convolution, and against the blur that it is there to undo."""

import jax
import numpy as np
import pytest
from scipy import ndimage

from bigdeep import augment
from bigdeep.augment.sharpen import sharpen
from bigdeep.sections import BadValue

SHIFT = {"name": "affine", "rotation": 0.0, "shear_share": 0.0, "scale": 0.0, "translation": 0.5}
SHARPEN = {"name": "sharpen", "amount": 1 / 12}


@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_a_cross_shaped_kernel_on_a_black_surrounding_cut_to_bytes(rng, channels):
    pixels = rng.uniform(0, 255, (5, 6, 9, channels)).astype(np.float32)
    kernel = np.array([[0, -0.3, 0], [-0.3, 2.2, -0.3], [0, -0.3, 0]])[None, :, :, None]
    expected = np.clip(ndimage.convolve(pixels.astype(float), kernel, mode="constant"), 0, 255)
    assert (expected == 0).any()
    assert (expected == 255).any()
    np.testing.assert_allclose(sharpen(0.3).retouch(jax.random.key(0), pixels), expected, atol=1e-3)


def test_nothing_of_it_leaves_the_pixels_alone(rng):
    pixels = rng.uniform(0, 255, (5, 6, 9, 1)).astype(np.float32)
    np.testing.assert_array_equal(sharpen(0.0).retouch(jax.random.key(0), pixels), pixels)


@pytest.mark.parametrize(("sections", "variance"), [([SHIFT], 1 / 6), ([SHIFT, SHARPEN], 0.0)])
def test_a_twelfth_undoes_the_mean_blur_of_resampling(sections, variance):
    """The spread of a dot about its own centre, in square pixels an axis, over shifts by fractions of a pixel."""
    dots, labels = np.full((4000, 15, 15, 1), 100, np.uint8), np.zeros(4000, np.uint8)
    dots[:, 7, 7] = 150
    inputs = jax.jit(augment.build(sections, (15, 15, 1), 10))(jax.random.key(0), dots, labels)
    share = (((np.asarray(inputs, float) + 1) * 127.5 - 100) / 50)[:, 2:-2, 2:-2, 0]
    np.testing.assert_allclose(share.sum(axis=(1, 2)), 1, atol=1e-3)
    for along in (share.sum(axis=1), share.sum(axis=2)):
        position = np.arange(11)
        centre = along @ position
        spread = along @ position**2 - centre**2
        assert spread.mean() == pytest.approx(variance, abs=0.01)


def test_a_negative_amount_is_refused():
    with pytest.raises(BadValue, match="amount: found -0.1"):
        sharpen(-0.1)
