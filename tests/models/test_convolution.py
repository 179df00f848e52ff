"""Convolution as a product, and as XLA's with other gradients, against XLA's own, SciPy and tiny-dnn's example."""

import functools

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


def same_gradients(f, g, x, k):
    """Requires two convolutions to agree, and so their gradients."""
    both = [
        jax.jit(lambda x, k, f=f: (f(x, k), jax.grad(lambda x, k: jnp.sum(jnp.sin(f(x, k))), (0, 1))(x, k)))
        for f in (f, g)
    ]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3), *(function(x, k) for function in both)
    )


@pytest.mark.parametrize(("size", "channels", "maps", "kernel", "stride"), SHAPES)
def test_it_is_xlas_convolution_and_so_are_its_gradients(rng, size, channels, maps, kernel, stride):
    x, k = arrays(rng, size, channels, maps, kernel)
    banded, xla = (functools.partial(f, stride=stride) for f in (convolution._banded, convolution._xla))
    same_gradients(banded, xla, x, k)


@pytest.mark.parametrize("shape", [(10, 24, 20, 3), (7, 16, 33, 1), (9, 17, 16, 4)])
def test_gradients_of_many_maps_are_those_of_xla(rng, shape):
    same_gradients(convolution._of_many_maps, convolution._xla, *arrays(rng, *shape))


def test_many_maps_at_stride_1_are_xlas(rng):
    """By what is computed: XLA's product has no patches that were put together."""

    def whole(size, channels, maps, kernel, stride, padding="valid"):
        x, k = arrays(rng, size, channels, maps, kernel)
        text = jax.jit(convolution.convolution, static_argnums=(2, 3)).lower(x, k, stride, padding).compile().as_text()
        return "concatenate" not in text and "convolution(" in text

    assert whole(10, 16, 16, 3, 1, "same")
    assert not whole(10, 15, 16, 3, 1)
    assert not whole(10, 16, 15, 3, 1)
    assert not whole(11, 16, 16, 3, 2)
    assert not whole(5, 16, 120, 5, 1)


def test_the_kernel_need_not_be_square(rng):
    x = rng.standard_normal((2, 8, 9, 16)).astype(np.float32)
    k = rng.standard_normal((3, 2, 16, 18)).astype(np.float32)
    same_gradients(convolution._of_many_maps, convolution._xla, x, k)


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
