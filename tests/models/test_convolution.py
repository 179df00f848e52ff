"""Convolution as a matrix product against XLA's own, SciPy and tiny-dnn's published example."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from bigdeep.models import convolution

# (size, channels, maps, kernel, stride): LeNet-5's, Simard's, an odd one, 1x1, as large as the image, wide.
SHAPES = [
    (32, 1, 6, 5, 1),
    (14, 6, 16, 5, 1),
    (29, 1, 5, 5, 2),
    (13, 5, 50, 5, 2),
    (11, 3, 4, 3, 3),
    (7, 2, 3, 1, 1),
    (5, 4, 9, 5, 1),
    (10, 24, 24, 3, 1),
]


def arrays(rng, size, channels, maps, kernel):
    x = rng.standard_normal((3, size, size, channels)).astype(np.float32)
    return x, rng.standard_normal((kernel, kernel, channels, maps)).astype(np.float32)


@pytest.mark.parametrize(("size", "channels", "maps", "kernel", "stride"), SHAPES)
def test_it_is_xlas_convolution_and_so_are_its_gradients(rng, size, channels, maps, kernel, stride):
    x, k = arrays(rng, size, channels, maps, kernel)
    ours, theirs = (
        jax.jit(
            lambda x, k, f=f: (f(x, k, stride), jax.grad(lambda x, k: jnp.sum(jnp.sin(f(x, k, stride))), (0, 1))(x, k))
        )
        for f in (convolution._banded, convolution._xla)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3), ours(x, k), theirs(x, k))


@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_same_padding_keeps_the_size_with_the_smaller_half_before(rng, kernel):
    x, k = arrays(rng, 9, 1, 1, kernel)
    found = convolution.convolution(jnp.asarray(x), jnp.asarray(k), 1, "same")
    full = scipy.signal.correlate(x[0, :, :, 0], k[:, :, 0, 0], "full")
    begin = kernel - 1 - (kernel - 1) // 2
    np.testing.assert_allclose(found[0, :, :, 0], full[begin : begin + 9, begin : begin + 9], atol=1e-4)


def test_tiny_dnns_example_with_stride():
    """The numbers of its unit test: x[r][c] = r + c, a 3x3 kernel of 0.5, bias 0.5, stride 2, and one delta back."""
    x = jnp.asarray([[[[float(r + c)] for c in range(5)] for r in range(5)]])
    kernel, bias = jnp.full((3, 3, 1, 1), 0.5), jnp.float32(0.5)
    delta = jnp.asarray([-1.0, 2.0, 3.0, 0.0]).reshape(1, 2, 2, 1)
    y, back = jax.vjp(lambda x, k, b: convolution.convolution(x, k, 2, "valid") + b, x, kernel, bias)
    dx, dkernel, dbias = back(delta)
    np.testing.assert_allclose(y.ravel(), [9.5, 18.5, 18.5, 27.5])
    np.testing.assert_allclose(dkernel.ravel(), [10, 14, 18, 14, 18, 22, 18, 22, 26])
    assert float(dbias) == 4
    rows = [
        [-0.5, -0.5, 0.5, 1, 1],
        [-0.5, -0.5, 0.5, 1, 1],
        [1, 1, 2, 1, 1],
        [1.5, 1.5, 1.5, 0, 0],
        [1.5, 1.5, 1.5, 0, 0],
    ]
    np.testing.assert_allclose(dx[0, :, :, 0], rows)


def test_the_strip_is_a_divisor_of_the_row_and_wide_only_where_maps_are_few():
    assert convolution._tile(28, 5, 6, 1) in (7, 14)
    assert convolution._tile(10, 5, 16, 1) == 5
    assert convolution._tile(13, 5, 5, 2) == 13
    assert convolution._tile(32, 3, 512, 1) == 1
