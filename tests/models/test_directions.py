"""Directional features against SciPy and against what they are meant to be: shares of the gradient's vector."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from bigdeep.models import directions as features
from bigdeep.models.directions import Directions
from bigdeep.sections import BadValue

SMOOTH, SLOPE = np.array([1, 2, 1]) / 4, np.array([-1, 0, 1]) / 2


def gradient(image):
    """(down, right) of an image (H, W), by SciPy."""
    down = ndimage.correlate(image.astype(float), np.outer(SLOPE, SMOOTH), mode="nearest")
    return down, ndimage.correlate(image.astype(float), np.outer(SMOOTH, SLOPE), mode="nearest")


def means(x, *of):
    """(B, h, w, C D) of images x, before the root."""
    layer = Directions(x.shape[3], *of, "float32")
    return np.asarray(layer.apply({}, jnp.asarray(x), train=False), float) ** 2 - features.EPSILON


@pytest.mark.parametrize("count", [4, 5, 8, 12])
def test_shares_add_up_to_the_gradient_of_each_pixel(rng, count):
    x = rng.uniform(-1, 1, (2, 9, 7, 3)).astype(np.float32)
    angle = 2 * np.pi * np.arange(count) / count
    shares = means(x, count, 1, 1).reshape(2, 9, 7, 3, count)
    for image, channel in np.ndindex(2, 3):
        down, right = gradient(x[image, :, :, channel])
        found = shares[image, :, :, channel]
        np.testing.assert_allclose(found @ np.sin(angle), down, atol=1e-4)
        np.testing.assert_allclose(found @ np.cos(angle), right, atol=1e-4)


def test_no_more_than_two_neighbours_share_it(rng):
    shares = means(rng.uniform(-1, 1, (1, 20, 20, 1)).astype(np.float32), 8, 1, 1).reshape(-1, 8) > 1e-4
    assert shares.sum(axis=1).max() == 2
    both = shares[shares.sum(axis=1) == 2]
    assert (both & (np.roll(both, 1, axis=1) | np.roll(both, -1, axis=1))).sum(axis=1).min() == 2


@pytest.mark.parametrize(("size", "stride"), [(5, 3), (4, 2), (1, 1)])
def test_windows_are_triangles_that_fit(rng, size, stride):
    x = rng.uniform(-1, 1, (2, 12, 17, 1)).astype(np.float32)
    row = np.convolve(np.ones((size + 1) // 2), np.ones(size // 2 + 1))
    seen = np.lib.stride_tricks.sliding_window_view(means(x, 8, 1, 1), (size, size), axis=(1, 2))
    expected = np.einsum("bhwkij,i,j->bhwk", seen[:, ::stride, ::stride], row, row) / row.sum() ** 2
    np.testing.assert_allclose(means(x, 8, size, stride), expected, atol=1e-5)


def test_a_turned_image_has_turned_directions(rng):
    x = rng.uniform(-1, 1, (1, 11, 11, 1)).astype(np.float32)
    straight, turned = means(x, 8, 5, 3), means(np.rot90(x, axes=(1, 2)).copy(), 8, 5, 3)
    np.testing.assert_allclose(np.roll(np.rot90(straight, axes=(1, 2)), -2, axis=3), turned, atol=1e-5)


def test_an_even_image_has_no_direction():
    out = Directions(1, 8, 5, 3, "float32").apply({}, jnp.full((1, 29, 29, 1), -1.0), train=False)
    assert out.shape == (1, 9, 9, 8)
    np.testing.assert_allclose(out, np.sqrt(features.EPSILON), rtol=1e-6)


def test_its_slope_is_bounded_where_there_is_nothing():
    slope = jax.grad(lambda x: Directions(1, 8, 5, 3, "float32").apply({}, x, train=False).sum())(
        jnp.zeros((1, 9, 9, 1))
    )
    assert np.isfinite(slope).all()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (dict(directions=3, size=5, stride=3), "directions: found 3"),
        (dict(directions=8, size=30, stride=3), "size: found 30"),
        (dict(directions=8, size=5, stride=0), "stride: found 0"),
        (dict(directions=8, size=5, stride=3, precision="half"), "precision: found 'half'"),
    ],
)
def test_what_makes_no_sense_is_refused(section, message):
    with pytest.raises(BadValue, match=message):
        features.directions(**section, shape=(29, 29, 1))


def test_the_mean_is_of_rounded_factors_where_it_should_be(rng):
    x = rng.uniform(-1, 1, (4, 29, 29, 1)).astype(np.float32)
    exact, rounded = (Directions(1, 8, 5, 3, how).apply({}, x, train=False) for how in ("float32", "bfloat16"))
    np.testing.assert_allclose(rounded, exact, rtol=0.01)
    assert np.abs(rounded - exact).max() > 1e-5


def test_no_gradient_is_shown_as_a_hundredth():
    assert features.EPSILON == 0.01**2
