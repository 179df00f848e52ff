"""What is said to XLA: that it changes no value, and that the compiled programs show it."""

import re

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import bigdeep
from bigdeep import augment, compiler, sections
from bigdeep.learn import mixup


def test_a_value_computed_once_is_itself(rng):
    x = rng.standard_normal((3, 50)).astype(np.float32)
    x[0, :6] = 0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(np.float32).tiny
    np.testing.assert_array_equal(jax.jit(compiler.computed_once)(x).view(np.int32), x.view(np.int32))


@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16])
def test_a_transposed_matrix_is_numpys(rng, dtype):
    x = rng.standard_normal((5, 8)).astype(dtype)
    np.testing.assert_array_equal(jax.jit(compiler.transposed)(x), x.T)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="of what XLA does on CPUs")
def test_a_deformed_image_is_computed_once_for_all_that_read_it():
    """Sharpening reads each sample five times, mixup each image twice: XLA would sample and sharpen anew for each."""
    config = sections.plain(bigdeep.config("mlp5"))
    deform, mix = augment.build(config["augment"], (29, 29, 1), 10), mixup.build(config["mixup"], 10)

    def inputs(key, images, labels):
        return mix(key, deform(key, images, labels), labels)

    images, labels = jax.ShapeDtypeStruct((64, 29, 29, 1), jnp.uint8), jax.ShapeDtypeStruct((64,), jnp.int32)
    program = jax.jit(inputs).lower(jax.random.key(0), images, labels).compile().as_text()
    corners = re.findall(r"= u32\[64,841\]\S+ and\(", program)  # a sample takes four bytes from a word
    assert len(corners) == 4
    sharpening = [body for body in program.split("\n}") if re.search(r"f32\[64,29,29\]\S* clamp\(", body)]
    assert len(sharpening) == 1
    assert "concatenate" not in sharpening[0]  # which brings an image beside its partner
