"""Matrix products of rounded factors."""

import re

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from bigdeep import sections
from bigdeep.models import product as products
from bigdeep.models.product import product


def rounded(x):
    return np.asarray(x).astype(ml_dtypes.bfloat16).astype(np.float64)


@pytest.fixture(params=[True, False], ids=["multiplied as bfloat16", "multiplied as float32"])
def processor(request, monkeypatch):
    """A processor that multiplies bfloat16 fast, and one that does not."""
    monkeypatch.setattr(products, "_multiplied_fast", lambda: request.param)


@pytest.fixture
def factors(rng):
    return [rng.standard_normal(shape).astype(np.float32) for shape in ((7, 33), (33, 12), (7, 12))]


def test_single_precision_is_the_plain_product(factors):
    x, w, _ = factors
    x, w = jnp.asarray(x), jnp.asarray(w)
    np.testing.assert_array_equal(product(x, w, "float32"), x @ w)


def test_every_factor_is_rounded_and_sums_are_not(factors, processor):
    """Forward and backward, against NumPy in double precision on factors rounded by ml_dtypes."""
    x, w, g = factors
    y, pull = jax.vjp(lambda x, w: product(x, w, "bfloat16"), x, w)
    d_x, d_w = pull(jnp.asarray(g))
    assert y.dtype == d_x.dtype == d_w.dtype == jnp.float32
    np.testing.assert_allclose(y, rounded(x) @ rounded(w), rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(d_x, rounded(g) @ rounded(w).T, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(d_w, rounded(x).T @ rounded(g), rtol=2e-6, atol=2e-6)
    assert np.abs(np.asarray(y) - x @ w).max() > 1e-3


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 841, 10), (480, 29, 31)])
def test_it_compiles_in_all_shapes(shape, rng, processor):
    batch, fan_in, width = shape
    x, w = rng.standard_normal((batch, fan_in)), rng.standard_normal((fan_in, width))
    gradient = jax.jit(jax.grad(lambda x, w: product(x, w, "bfloat16").sum(), argnums=(0, 1)))
    assert [g.shape for g in gradient(jnp.float32(x), jnp.float32(w))] == [(batch, fan_in), (fan_in, width)]


def test_the_gradient_check_looks_at_unrounded_products(smoke):
    config = smoke("mlp2")
    config["model"]["precision"] = "bfloat16"
    unrounded = sections.unrounded(config)
    assert unrounded["model"]["precision"] == "float32"
    assert sections.unrounded({**config, "model": {"layers": [{"precision": "bfloat16"}, {}]}})["model"] == {
        "layers": [{"precision": "float32"}, {}]
    }


def test_a_processor_that_multiplies_bfloat16_does_so_in_all_three_products():
    """XLA takes a transposition into the product and computes that in float32, unless it is kept from it."""
    if not products._multiplied_fast():
        pytest.skip("this processor does not multiply bfloat16")
    x, w, g = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((256, 512), (512, 384), (256, 384)))

    def gradients(x, w, g):
        return jax.vjp(lambda x, w: products.product(x, w, "bfloat16"), x, w)[1](g)

    program = jax.jit(gradients).lower(x, w, g).compile().as_text()
    assert not re.search(r"= f32\S+ convert\(", program)
