"""Nets: the paper's parameter counts, initial weights, and gradients in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bigdeep import losses, models
from bigdeep.config import BadValue

PAPER = {
    (1000, 500): 1_347_510,
    (1500, 1000, 500): 3_269_510,
    (2000, 1500, 1000, 500): 6_692_010,
    (2500, 2000, 1500, 1000, 500): 12_115_010,
    (1000,) * 9: 8_860_010,
}


def mlp(widths=(7, 6, 5), activation="scaled_tanh", init="lecun_normal", shape=(29, 29, 1)):
    section = {"name": "mlp", "widths": list(widths), "activation": activation, "init": init}
    return models.build(section, shape, classes=10)


@pytest.mark.parametrize(("widths", "count"), PAPER.items())
def test_parameter_counts_are_the_papers(widths, count):
    """Table 1 of Cireşan et al. 2010 rounds these; they hold for 29x29 inputs and biases in every layer."""
    params, _ = jax.eval_shape(mlp(widths).init, jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count


def test_forward_pass_is_the_formula(rng):
    model = mlp(shape=(3, 3, 1))
    params, state = model.init(jax.random.key(0))
    x = rng.standard_normal((4, 3, 3, 1)).astype(np.float32)
    found, _ = model.apply(params, state, x, jax.random.key(0), train=True)
    a = x.reshape(4, 9).astype(float)
    for i in range(1, 5):
        layer = {name: np.asarray(value, float) for name, value in params[f"layer{i}"].items()}
        a = a @ layer["kernel"] + layer["bias"]
        a = 1.7159 * np.tanh(0.6666 * a) if i < 4 else a
    np.testing.assert_allclose(found, a, rtol=1e-4, atol=1e-5)


def test_the_papers_initial_weights_are_uniform():
    params, _ = mlp((1000, 500), init="uniform_0.05").init(jax.random.key(0))
    for leaf in jax.tree.leaves(params):  # biases too
        assert 0.03 < np.abs(leaf).max() <= 0.05
    kernel = params["layer1"]["kernel"]
    assert np.std(kernel) == pytest.approx(0.05 / np.sqrt(3), rel=0.01)
    assert abs(np.mean(kernel)) < 1e-3


@pytest.mark.parametrize(("init", "gain"), [("lecun_normal", 1.0), ("he_normal", 2.0)])
def test_initial_variance_is_gain_over_fan_in(init, gain):
    params, _ = mlp((1000, 500), init=init).init(jax.random.key(0))
    assert np.std(params["layer2"]["kernel"]) == pytest.approx(np.sqrt(gain / 1000), rel=0.01)
    assert not np.any(params["layer2"]["bias"])


@pytest.mark.parametrize("activation", ["scaled_tanh", "relu"])
def test_gradients_are_central_differences(rng, activation):
    with jax.enable_x64(True):
        model = mlp(activation=activation, shape=(4, 4, 1))
        params, state = model.init(jax.random.key(0))
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), params)
        images, labels = rng.uniform(-1, 1, (8, 4, 4, 1)), rng.integers(0, 10, 8)
        loss_fn = losses.cross_entropy(0.1)

        @jax.jit
        def loss(params):
            return loss_fn(model.apply(params, state, images, jax.random.key(0), train=True)[0], labels).mean()

        flat, unflatten = jax.flatten_util.ravel_pytree(params)
        found = np.asarray(jax.flatten_util.ravel_pytree(jax.grad(loss)(params))[0])
        h = 1e-5
        for i in rng.choice(len(flat), 40, replace=False):
            difference = (loss(unflatten(flat.at[i].add(h))) - loss(unflatten(flat.at[i].add(-h)))) / (2 * h)
            assert found[i] == pytest.approx(float(difference), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": ()}, "model.widths: found .*, expected at least one hidden layer"),
        ({"widths": (10, 0)}, "model.widths: found 0, expected an integer >= 1"),
        ({"activation": "rellu"}, "model.activation: found 'rellu', .*did you mean 'relu'"),
        ({"init": "xavier"}, "model.init: found 'xavier'"),
    ],
)
def test_impossible_nets_are_refused(arguments, message):
    with pytest.raises(BadValue, match=message):
        mlp(**arguments)


def test_table_shows_every_layer_and_the_total():
    table = mlp((1000, 500)).table()
    assert "1,347,510" in table
    assert "layer3" in table
