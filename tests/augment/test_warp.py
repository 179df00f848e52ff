"""The one resampling of all deformations, against scipy and against itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from bigdeep.augment import warp
from bigdeep.augment.deformation import Fill
from bigdeep.data import pixels

MODES = ("grid-constant", "constant", "nearest", "reflect", "wrap")
SHAPES = [(28, 28, 1), (29, 29, 1), (7, 11, 1), (32, 32, 3)]


ZERO = Fill()


def resampled(images: np.ndarray, displacement: np.ndarray, fill: Fill = ZERO) -> np.ndarray:
    """displacement: (B, 2, H, W)."""
    d_y, d_x = np.moveaxis(displacement.reshape(len(images), 2, -1), 1, 0).astype(np.float32)
    return np.asarray(warp.bilinear(images, d_y, d_x, fill))


def reference(image: np.ndarray, displacement: np.ndarray, fill: Fill) -> np.ndarray:
    """One channel of one image by scipy in float64."""
    positions = np.indices(image.shape) + displacement
    return scipy.ndimage.map_coordinates(image.astype(float), positions, order=1, mode=fill.mode, cval=fill.value)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("strength", [0.3, 3.0, 40.0])
def test_agrees_with_scipy(rng, shape, mode, strength):
    images = rng.integers(0, 256, (6, *shape), dtype=np.uint8)
    displacement = (strength * rng.standard_normal((6, 2, *shape[:2]))).astype(np.float32)
    fill = Fill(mode, 77.0 if "constant" in mode else 0.0)
    found = resampled(images, displacement, fill)
    for i in range(6):
        for channel in range(shape[2]):
            expected = reference(images[i, :, :, channel], displacement[i], fill)
            # float32 positions near 100 are exact to 8e-6 pixels, and an edge is up to 255 high.
            np.testing.assert_allclose(found[i, :, :, channel] / 255, expected / 255, atol=5e-5)


@pytest.mark.parametrize("mode", MODES)
def test_whole_pixels_outside_are_scipys(rng, mode):
    """At whole pixels a mode that is off by one shows at once."""
    images = rng.integers(1, 256, (1, 5, 6, 1), dtype=np.uint8)
    for shift in range(-9, 10):
        displacement = np.full((1, 2, 5, 6), shift, np.float32)
        expected = reference(images[0, :, :, 0], displacement[0], Fill(mode))
        assert np.array_equal(resampled(images, displacement, Fill(mode))[0, :, :, 0], expected), shift


def test_no_displacement_changes_no_bit(digits):
    images, still = digits.train_images[:100], jnp.zeros((100, 784))
    found = jax.jit(lambda x: pixels.to_inputs(warp.bilinear(x, still, still, Fill())))(images)
    expected = jax.jit(lambda x: pixels.to_inputs(x.astype(jnp.float32)))(images)
    assert np.array_equal(found, expected)


def test_whole_pixels_shift_exactly(digits):
    images = digits.train_images[:20]
    displacement = np.zeros((20, 2, 28, 28), np.float32)
    displacement[:, 0], displacement[:, 1] = 3, -5  # rows come from below, columns from the left
    found = resampled(images, displacement)
    assert np.array_equal(found[:, :-3, 5:], images[:, 3:, :-5])
    assert not found[:, -3:].any()
    assert not found[:, :, :5].any()


def test_far_outside_is_background(rng):
    images = rng.integers(1, 256, (2, 9, 9, 1), dtype=np.uint8)
    for far in (-1e6, -10.0, 10.0, 1e6):
        assert not resampled(images, np.full((2, 2, 9, 9), far)).any()


def test_inputs_span_minus_one_to_one():
    assert np.array_equal(pixels.to_inputs(jnp.array([0.0, 127.5, 255.0])), [-1.0, 0.0, 1.0])
