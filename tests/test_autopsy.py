"""Which layer and which quantity grew first."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from bigdeep import autopsy, step


def rows(**series):
    """Rows of steps 0, 1, … from {layer_quantity: values}."""
    made = []
    for number in range(len(next(iter(series.values())))):
        layers = {"dense1": {}, "output": {}}
        for layer, quantities in layers.items():
            for what in ("weight_norm", "gradient_norm"):
                quantities[what] = series.get(f"{layer}_{what}", [1.0] * 99)[number]
        made.append({"step": number, "layers": layers})
    return made


def test_the_first_to_leave_its_past_for_good_is_named():
    found = autopsy.first_to_grow(
        rows(
            dense1_gradient_norm=[1, 1, 50, 1, 1, 30, 900, math.nan],  # an outlier in step 2 does not count
            output_gradient_norm=[1, 1, 1, 1, 1, 1, 80, math.inf],
            output_weight_norm=[2, 2, 2, 2, 2, 2, 2, math.nan],
        )
    )
    assert found == "first to grow was the gradient norm of dense1, in step 5: from 1 to 30"


def test_of_two_at_once_the_one_that_grew_more_is_named():
    found = autopsy.first_to_grow(rows(dense1_weight_norm=[1, 20], output_gradient_norm=[1, 1000]))
    assert "gradient norm of output, in step 1" in found


def test_without_growth_it_says_so():
    assert (
        autopsy.first_to_grow(rows(dense1_weight_norm=[1, 2, 3])) == "no layer's weights or gradients had grown before"
    )


def test_layer_norms_are_over_all_tensors_of_a_layer(rng):
    tree = {
        "block": {"unit": {"kernel": jnp.asarray([[3.0]]), "bias": jnp.asarray([4.0])}},
        "output": {"kernel": jnp.ones(4)},
    }
    double = {
        "block": {"unit": {"kernel": jnp.asarray([[6.0]]), "bias": jnp.asarray([8.0])}},
        "output": {"kernel": jnp.ones(4)},
    }
    found = step.layer_norms(tree, double, tree)
    assert float(found["block/unit"]["weight_norm"]) == 5
    assert float(found["block/unit"]["gradient_norm"]) == 10
    assert float(found["output"]["update_norm"]) == 2
    assert float(found["block/unit"]["update_ratio"]) == pytest.approx(1)
    assert np.isfinite([float(v) for layer in found.values() for v in layer.values()]).all()
