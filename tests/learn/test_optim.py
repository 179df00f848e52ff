"""Optimizers and regularisers against NumPy, step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bigdeep.learn import optim, regularisers
from bigdeep.sections import BadValue

RATE = 0.1
MOMENTS = {"b1": 0.9, "b2": 0.99}


def trajectory(section, gradients, start, regularisers=(), rate=lambda step: RATE):
    """The parameters after updates with the gradients, and the last state."""
    with jax.enable_x64(True):
        tx = optim.build(section, regularisers, rate, 10)
        params = jax.tree.map(jnp.asarray, start)
        state = tx.init(params)
        for g in gradients:
            updates, state = tx.update(jax.tree.map(jnp.asarray, g), state, params)
            params = optax.apply_updates(params, updates)
        return jax.tree.map(np.asarray, params), state


def sgd(gs, w):
    for g in gs:
        w = w - RATE * g
    return w


def momentum(gs, w, v=0.0):
    for g in gs:
        v = 0.9 * v + g
        w = w - RATE * v
    return w


def nesterov(gs, w, v=0.0):
    for g in gs:
        v = 0.9 * v + g
        w = w - RATE * (g + 0.9 * v)
    return w


def adagrad(gs, w, s=0.1):
    for g in gs:
        s = s + g**2
        w = w - RATE * g / np.sqrt(s + 1e-7)
    return w


def rmsprop(gs, w, s=0.0):
    for g in gs:
        s = 0.9 * s + 0.1 * g**2
        w = w - RATE * g / np.sqrt(s + 1e-7)
    return w


def adam(gs, w, decay=0.0, m=0.0, v=0.0):
    for t, g in enumerate(gs, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2
        w = w - RATE * (m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-7) + decay * w)
    return w


def lion(gs, w, m=0.0):
    for g in gs:
        w = w - RATE * (np.sign(0.9 * m + 0.1 * g) + 0.02 * w)
        m = 0.99 * m + 0.01 * g
    return w


def lamb(gs, w, m=0.0, v=0.0):
    for t, g in enumerate(gs, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2
        u = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-7) + 0.02 * w
        w = w - RATE * u * np.linalg.norm(w) / np.linalg.norm(u)
    return w


DECAY = {"weight_decay": 0.02, "parameters": "all"}
FORMULAS = [
    ({"name": "sgd"}, sgd),
    ({"name": "momentum", "momentum": 0.9}, momentum),
    ({"name": "nesterov", "momentum": 0.9}, nesterov),
    ({"name": "adagrad", "initial": 0.1, "eps": 1e-7}, adagrad),
    ({"name": "rmsprop", "decay": 0.9, "eps": 1e-7}, rmsprop),
    ({"name": "adam", **MOMENTS, "eps": 1e-7}, adam),
    ({"name": "adamw", **MOMENTS, "eps": 1e-7, **DECAY}, lambda gs, w: adam(gs, w, 0.02)),
    ({"name": "lion", **MOMENTS, **DECAY}, lion),
    ({"name": "lamb", **MOMENTS, "eps": 1e-7, **DECAY}, lamb),
]


@pytest.mark.parametrize(("section", "formula"), FORMULAS, ids=[s["name"] for s, _ in FORMULAS])
def test_optimizers_are_their_formulas(rng, section, formula):
    gradients, start = rng.standard_normal((10, 4)), rng.standard_normal(4)
    found, _ = trajectory(section, [{"kernel": g} for g in gradients], {"kernel": start})
    np.testing.assert_allclose(found["kernel"], formula(gradients, start), rtol=1e-5)  # optax: b^t in float32


def test_the_rate_is_that_of_the_step(rng):
    gradients, start = rng.standard_normal((5, 4)), rng.standard_normal(4)
    found, _ = trajectory({"name": "sgd"}, gradients, start, rate=lambda step: 0.1 / (step + 1))
    np.testing.assert_allclose(found, start - sum(0.1 / (t + 1) * g for t, g in enumerate(gradients)), rtol=1e-6)


def test_muon_makes_the_update_of_a_matrix_orthogonal_and_leaves_biases_to_adam(rng):
    start = {"kernel": rng.standard_normal((8, 8)), "bias": rng.standard_normal(8)}
    gradient = {"kernel": rng.standard_normal((8, 8)), "bias": rng.standard_normal(8)}
    after, _ = trajectory({"name": "muon", "momentum": 0.9, "weight_decay": 0.0}, [gradient], start)
    stretched = np.linalg.svd(after["kernel"] - start["kernel"], compute_uv=False)
    raw = np.linalg.svd(gradient["kernel"], compute_uv=False)
    assert stretched.max() / stretched.min() < 2 < raw.max() / raw.min()
    assert np.abs(after["bias"] - start["bias"]).max() < 3 * RATE
    np.testing.assert_allclose(np.sign(start["bias"] - after["bias"]), np.sign(gradient["bias"]))
    assert np.ptp(np.abs(after["bias"] - start["bias"])) < 1e-6  # as Adam's first step: the size does not count


NET = {
    "dense1": {"kernel": np.array([[3.0, 0.1], [4.0, 0.2]]), "bias": np.array([2.0, -2.0])},
    "output": {"kernel": np.array([[1.0, -2.0], [0.5, 0.0]]), "bias": np.array([1.0, -1.0])},
}
ZERO = jax.tree.map(np.zeros_like, NET)


def moved(regulariser, gradient=ZERO):
    """By how much a step of gradient descent with rate 0.1 moves each tensor, over -0.1."""
    after, _ = trajectory({"name": "sgd"}, [gradient], NET, [regulariser])
    return jax.tree.map(lambda new, old: (old - new) / RATE, after, NET)


@pytest.mark.parametrize("parameters", regularisers.PARAMETERS)
@pytest.mark.parametrize(("name", "slope"), [("l2", lambda w: 0.3 * w), ("l1", lambda w: 0.3 * np.sign(w))])
def test_penalties_pull_the_parameters_chosen(name, slope, parameters):
    found = moved({"name": name, "weight": 0.3, "parameters": parameters})
    chosen = {
        "all": {("dense1", "kernel"), ("dense1", "bias"), ("output", "kernel"), ("output", "bias")},
        "weights": {("dense1", "kernel"), ("output", "kernel")},
        "first_layer": {("dense1", "kernel")},
        "last_layer": {("output", "kernel")},
    }[parameters]
    for layer, tensors in NET.items():
        for tensor, w in tensors.items():
            expected = slope(w) if (layer, tensor) in chosen else 0 * w
            np.testing.assert_allclose(found[layer][tensor], expected, atol=1e-12)


@pytest.mark.parametrize("parameters", regularisers.PARAMETERS)
def test_decoupled_weight_decay_is_of_the_parameters_chosen(parameters):
    section = {"name": "adamw", **MOMENTS, "eps": 1e-8, "weight_decay": 0.5, "parameters": parameters}
    after, _ = trajectory(section, [ZERO], NET)
    factor = 1 - RATE * 0.5
    first, last = parameters != "last_layer", parameters != "first_layer"
    assert np.allclose(after["dense1"]["kernel"], NET["dense1"]["kernel"] * (factor if first else 1))
    assert np.allclose(after["output"]["kernel"], NET["output"]["kernel"] * (factor if last else 1))
    assert np.allclose(after["dense1"]["bias"], NET["dense1"]["bias"] * (factor if parameters == "all" else 1))


def test_clipping_by_norm_keeps_the_direction_and_by_value_each_entry():
    gradient = jax.tree.map(lambda w: 10 * w, NET)
    norm = np.sqrt(sum(np.sum(g**2) for g in jax.tree.leaves(gradient)))
    found = moved({"name": "clip_norm", "limit": 2.0}, gradient)
    jax.tree.map(lambda f, g: np.testing.assert_allclose(f, g * 2 / norm, rtol=1e-6), found, gradient)
    small = moved({"name": "clip_norm", "limit": 2 * norm}, gradient)
    jax.tree.map(lambda f, g: np.testing.assert_allclose(f, g, rtol=1e-6), small, gradient)
    found = moved({"name": "clip_value", "limit": 5.0}, gradient)
    jax.tree.map(lambda f, g: np.testing.assert_allclose(f, np.clip(g, -5, 5), rtol=1e-6), found, gradient)


def test_max_norm_shortens_the_incoming_weights_of_a_unit_and_no_others():
    after, _ = trajectory({"name": "sgd"}, [ZERO], NET, [{"name": "max_norm", "limit": 2.5}])
    np.testing.assert_allclose(after["dense1"]["kernel"], [[1.5, 0.1], [2.0, 0.2]])  # of units: 5 and 0.22 long
    np.testing.assert_allclose(after["output"]["kernel"], NET["output"]["kernel"])
    np.testing.assert_allclose(after["dense1"]["bias"], NET["dense1"]["bias"])


def test_beta_lasso_shrinks_the_first_layer_and_drops_what_is_small(rng):
    start = rng.standard_normal((6, 5)) * 0.1
    gradients = rng.standard_normal((9, 6, 5)) * 0.1
    w, zeros = start, 0
    for t, g in enumerate(gradients):
        rate = 0.1 / (t + 1)
        w = w - rate * g
        w = w - 0.05 * rate * np.sign(w)
        w = np.where(np.abs(w) < 3 * 0.05 * rate, 0, w)
        zeros += np.sum(w == 0)
    assert zeros > 9
    regulariser = {"name": "beta_lasso", "weight": 0.05, "beta": 3.0, "parameters": "first_layer"}
    nets = [{"dense1": {"kernel": g}, "dense11": {"kernel": g}} for g in gradients]
    net = {"dense1": {"kernel": start}, "dense11": {"kernel": start}}
    after, _ = trajectory({"name": "sgd"}, nets, net, [regulariser], lambda step: 0.1 / (step + 1))
    np.testing.assert_allclose(after["dense1"]["kernel"], w, atol=1e-9)
    assert np.sum(after["dense1"]["kernel"] == 0) == np.sum(w == 0) > 0
    assert np.all(after["dense11"]["kernel"] != 0)


def test_the_average_is_of_the_updated_weights(rng):
    gradients, start = rng.standard_normal((5, 4)), rng.standard_normal(4)
    plain = [trajectory({"name": "sgd"}, gradients[:t], start)[0] for t in range(1, 6)]
    average = np.mean(plain[:3], axis=0)
    for w in plain[3:]:
        average = 2 / 3 * average + 1 / 3 * w
    after, state = trajectory({"name": "sgd"}, gradients, start, [{"name": "average", "share": 0.3}])
    np.testing.assert_array_equal(after, plain[-1])
    np.testing.assert_allclose(regularisers.averaged(state), average, rtol=1e-6)
    assert regularisers.averaged(trajectory({"name": "sgd"}, gradients, start)[1]) is None


def test_the_average_is_of_the_constrained_weights_wherever_it_stands():
    average, limit = {"name": "average", "share": 0.2}, {"name": "max_norm", "limit": 1.0}
    for order in ([average, limit], [limit, average]):
        after, state = trajectory({"name": "sgd"}, [{"kernel": np.zeros(1)}], {"kernel": np.array([10.0])}, order)
        assert after["kernel"] == pytest.approx(1)
        assert float(regularisers.averaged(state)["kernel"][0]) == pytest.approx(1)


def test_a_choice_of_no_parameters_is_refused():
    with pytest.raises(BadValue, match="parameters: found 'last_layer', expected a choice that this net has any of"):
        trajectory(
            {"name": "sgd"}, [ZERO["dense1"]], NET["dense1"], [{"name": "l2", "weight": 1, "parameters": "last_layer"}]
        )


@pytest.mark.parametrize(
    ("section", "regularisers", "message"),
    [
        ({"name": "sgd"}, None, "regularisers: found None, expected a list"),
        ({"name": "sgd"}, [5], r"regularisers\[0\]: found 5, expected a section with a name"),
        ({"name": "sgd"}, [{"name": "average", "share": 0.5}] * 2, "regularisers: found 'two averages'"),
        ({"name": "momentum", "momentum": 1.0}, [], "optimizer.momentum: found 1.0"),
        ({"name": "sdg"}, [], "optimizer.name: found 'sdg', .*did you mean 'sgd'"),
        ({"name": "sgd", "momentum": 0.5}, [], "optimizer.momentum: found 'an unknown key', expected no other key"),
        (
            {"name": "sgd"},
            [{"name": "l2", "weight": 1, "parameters": "al"}],
            r"regularisers\[0\].parameters: found 'al'",
        ),
        ({"name": "sgd"}, [{"name": "clip_norm", "limit": 0}], r"regularisers\[0\].limit: found 0"),
        ({"name": "sgd"}, [{"name": "average", "share": 0.0}], r"regularisers\[0\].share: found 0.0"),
        ({"name": "sgd"}, [{"name": "average", "share": 0.1}], r"share: found 0.1, expected two of the run's 10 steps"),
    ],
)
def test_impossible_sections_are_refused(section, regularisers, message):
    with pytest.raises(BadValue, match=message):
        optim.build(section, regularisers, lambda step: 0.1, 10)
