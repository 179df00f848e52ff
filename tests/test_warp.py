"""The one resampling of all deformations, against scipy and against itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from bigdeep.augment import warp


def reference(image: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """One channel of one image by scipy in float64."""
    positions = np.indices(image.shape) + displacement
    return scipy.ndimage.map_coordinates(image.astype(float), positions, order=1, mode="grid-constant", cval=0)


@pytest.mark.parametrize("shape", [(28, 28, 1), (29, 29, 1), (7, 11, 1), (32, 32, 3)])
@pytest.mark.parametrize("strength", [0.3, 3.0, 40.0])
def test_agrees_with_scipy(rng, shape, strength):
    images = rng.integers(0, 256, (6, *shape), dtype=np.uint8)
    displacement = (strength * rng.standard_normal((6, 2, *shape[:2]))).astype(np.float32)
    found = np.asarray(warp.bilinear(images, displacement))
    for i in range(6):
        for channel in range(shape[2]):
            expected = reference(images[i, :, :, channel], displacement[i])
            # float32 positions near 30 are exact to 2e-6 pixels, and an edge is up to 255 high.
            np.testing.assert_allclose(found[i, :, :, channel] / 255, expected / 255, atol=1e-5)


def test_no_displacement_changes_no_bit(digits):
    images = digits.train_images[:100]
    found = jax.jit(lambda x: warp.scale(warp.bilinear(x, jnp.zeros((100, 2, 28, 28)))))(images)
    expected = jax.jit(lambda x: warp.scale(x.astype(jnp.float32)))(images)
    assert np.array_equal(found, expected)


def test_whole_pixels_shift_exactly(digits):
    images = digits.train_images[:20]
    displacement = np.zeros((20, 2, 28, 28), np.float32)
    displacement[:, 0], displacement[:, 1] = 3, -5  # rows come from below, columns from the left
    found = np.asarray(warp.bilinear(images, displacement))
    assert np.array_equal(found[:, :-3, 5:], images[:, 3:, :-5])
    assert not found[:, -3:].any()
    assert not found[:, :, :5].any()


def test_far_outside_is_background(rng):
    images = rng.integers(1, 256, (2, 9, 9, 1), dtype=np.uint8)
    for far in (-1e6, -10.0, 10.0, 1e6):
        assert not np.asarray(warp.bilinear(images, np.full((2, 2, 9, 9), far, np.float32))).any()


def test_inputs_span_minus_one_to_one():
    assert np.array_equal(warp.scale(jnp.array([0.0, 127.5, 255.0])), [-1.0, 0.0, 1.0])
