"""Stacks and perceptrons: parameter counts of the papers, layers against NumPy, initial weights, what is refused."""

import runpy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bigdeep import models, sections
from bigdeep.models import pooling, units
from bigdeep.sections import BadValue
from conftest import ROOT

MLPS = {
    (1000, 500): 1_347_510,
    (1500, 1000, 500): 3_269_510,
    (2000, 1500, 1000, 500): 6_692_010,
    (2500, 2000, 1500, 1000, 500): 12_115_010,
    (1000,) * 9: 8_860_010,
}
CODES = ("#" * 6,) * 2


def mlp(
    widths=(7, 6, 5), activation="scaled_tanh", init="lecun_normal", shape=(29, 29, 1), norm="none", dropout=(0.0, 0.0)
):
    section = {
        "name": "mlp",
        "widths": list(widths),
        "activation": activation,
        "init": init,
        "norm": norm,
        "precision": "float32",
    }
    return models.build({**section, "input_dropout_rate": dropout[0], "dropout_rate": dropout[1]}, shape, classes=10)


def stack(*layers, shape=(8, 8, 2), classes=4, init="lecun_normal"):
    return models.build({"name": "stack", "init": init, "layers": list(layers)}, shape, classes)


def run(model, x, train=False, seed=0):
    params, state = model.init(jax.random.key(0))
    return params, model.apply(params, state, jnp.asarray(x, jnp.float32), jax.random.key(seed), train=train)


def counts(tree):
    return {layer: sum(leaf.size for leaf in jax.tree.leaves(of)) for layer, of in tree.items()}


@pytest.mark.parametrize(("widths", "count"), MLPS.items())
def test_parameter_counts_are_the_papers(widths, count):
    """Table 1 of Cireşan et al. 2010 rounds these; they hold for 29x29 inputs and biases in every layer."""
    params, _ = jax.eval_shape(mlp(widths).init, jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count


@pytest.mark.slow
def test_lenet5_has_lecuns_parameters_and_connections():
    """Gradient-based learning, section II.B: 60,000 trainable parameters, 340,908 connections."""
    config = runpy.run_path(str(ROOT / "configs/lenet5.py"))["get_config"]().to_dict()
    model = models.build(config["model"], (32, 32, 1), 10)
    params, state = model.init(jax.random.key(0))
    assert counts(params) == {
        "convolution1": 156,
        "subsampling1": 12,
        "convolution2": 1_516,
        "subsampling2": 32,
        "convolution3": 48_120,
        "dense1": 10_164,
    }
    assert sum(counts(params).values()) == 60_000
    layers = model.layers(params, state, jnp.zeros((1, 32, 32, 1)), jax.random.key(0))
    places = {layer.name: layer.output[0, :, :, 0].size for layer in layers if layer.output.ndim == 4}
    assert [places[name] for name in ("convolution1", "convolution2", "convolution3")] == [784, 100, 1]
    convolutions = {name: places[name] * counts(params)[name] for name in places if name.startswith("conv")}
    assert convolutions == {"convolution1": 122_304, "convolution2": 151_600, "convolution3": 48_120}
    pooled = {"subsampling1": places["subsampling1"] * 6 * 5, "subsampling2": places["subsampling2"] * 16 * 5}
    assert pooled == {"subsampling1": 5_880, "subsampling2": 2_000}
    assert sum(convolutions.values()) + sum(pooled.values()) + counts(params)["dense1"] + 84 * 10 == 340_908
    table = runpy.run_path(str(ROOT / "configs/lenet5.py"))["C3"]
    assert sum(map(len, table)) == 60


@pytest.mark.parametrize(("norm", "train"), [("none", True), ("layer", True), ("batch", True), ("batch", False)])
def test_a_perceptron_is_its_formula(rng, norm, train):
    x = rng.standard_normal((16, 3, 3, 1)).astype(np.float32)
    params, (found, state, _) = run(mlp(shape=(3, 3, 1), norm=norm), x, train)
    a = x.reshape(16, 9).astype(float)
    for name in ("dense1", "dense2", "dense3", "output"):
        a = a @ np.asarray(params[name]["kernel"], float)
        if norm == "none" or name == "output":
            a = a + np.asarray(params[name]["bias"], float)
        elif norm == "layer":
            a = (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-6)
        elif train:
            a = (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-5)
        a = 1.7159 * np.tanh(0.6666 * a) if name != "output" else a
    np.testing.assert_allclose(found, a, rtol=1e-3, atol=1e-4)
    moved = bool(state) and bool(np.any(np.asarray(state["batch_stats"]["dense1"]["norm"]["mean"])))
    assert moved == (norm == "batch" and train)


def test_maxout_is_the_largest_of_neighbouring_units_and_maps(rng):
    x = rng.standard_normal((2, 4, 4, 6)).astype(np.float32)
    flat = {"name": "flatten"}
    found = run(stack({"name": "maxout", "pieces": 3}, flat, classes=32, shape=(4, 4, 6)), x)[1][0]
    expected = np.maximum(np.maximum(x[..., ::3], x[..., 1::3]), x[..., 2::3])
    np.testing.assert_array_equal(found, expected.reshape(2, 32))
    found = run(stack(flat, {"name": "maxout", "pieces": 2}, classes=48, shape=(4, 4, 6)), x)[1][0]
    np.testing.assert_array_equal(found, np.maximum(x[..., ::2], x[..., 1::2]).reshape(2, 48))


def test_gated_units_are_products_of_two_neighbours(rng):
    x = rng.standard_normal((2, 4, 4, 6)).astype(np.float32)
    net = stack({"name": "gated", "activation": "sigmoid"}, {"name": "flatten"}, classes=48, shape=(4, 4, 6))
    found = run(net, x)[1][0]
    np.testing.assert_allclose(found, (x[..., ::2] / (1 + np.exp(-x[..., 1::2]))).reshape(2, 48), rtol=1e-5)


def test_squared_relu_is_the_square_of_what_is_positive(rng):
    a = rng.standard_normal(50)
    np.testing.assert_allclose(units.ACTIVATIONS["squared_relu"].function(a), np.where(a > 0, a * a, 0), rtol=1e-6)


@pytest.mark.parametrize(("size", "shape"), [(2, (3, 4, 6, 2)), (3, (2, 7, 8, 1)), (2, (2, 5, 5, 3))])
def test_equals_share_the_gradient_of_max_pooling(rng, size, shape):
    x = jnp.asarray(rng.integers(0, 3, shape), jnp.float32)  # many equals
    _, height, width, _ = shape
    given = jnp.asarray(rng.standard_normal((shape[0], height // size, width // size, shape[3])), jnp.float32)

    def reduced(x):
        cut = x[:, : height // size * size, : width // size * size]
        return cut.reshape(shape[0], height // size, size, width // size, size, shape[3]).max((2, 4))

    (ours, back), (theirs, reference) = (jax.vjp(f, x) for f in (lambda x: pooling._largest(x, size), reduced))
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(back(given)[0], reference(given)[0])


def test_layers_of_images_are_their_formulas(rng):
    x = rng.standard_normal((2, 4, 4, 2)).astype(np.float32)
    windows = x.reshape(2, 2, 2, 2, 2, 2)
    flat = {"name": "flatten"}
    found = run(stack({"name": "max_pool", "size": 2}, flat, classes=8, shape=(4, 4, 2)), x)[1][0]
    np.testing.assert_allclose(found, windows.max((2, 4)).reshape(2, 8), rtol=1e-6)
    found = run(stack({"name": "average_pool", "size": 2}, flat, classes=8, shape=(4, 4, 2)), x)[1][0]
    np.testing.assert_allclose(found, windows.mean((2, 4)).reshape(2, 8), rtol=1e-5, atol=1e-6)
    found = run(stack({"name": "max_pool", "size": 3}, flat, classes=2, shape=(4, 4, 2)), x)[1][0]
    np.testing.assert_allclose(found, x[:, :3, :3].max((1, 2)), rtol=1e-6)  # what fills no window is cut off
    model = stack({"name": "subsampling", "size": 2, "activation": "tanh"}, flat, classes=8, shape=(4, 4, 2))
    params = {"subsampling1": {"kernel": jnp.asarray([2.0, 3.0]), "bias": jnp.asarray([0.1, -0.2])}}
    found = model.apply(params, {}, x, jax.random.key(0), train=False)[0]
    expected = np.tanh(windows.sum((2, 4)) * np.array([2.0, 3.0]) + np.array([0.1, -0.2]))
    np.testing.assert_allclose(found, expected.reshape(2, 8), rtol=1e-4)


def test_connections_are_the_only_paths_between_maps(rng):
    table = [[0], [1, 2], [0, 1, 2]]
    model = stack(
        {"name": "convolution", "features": 3, "kernel": 3, "activation": "linear", "connections": table},
        {"name": "flatten"},
        shape=(3, 3, 3),
        classes=3,
    )
    x = rng.standard_normal((1, 3, 3, 3)).astype(np.float32)
    params, (before, _, _) = run(model, x)
    assert params["convolution1"]["kernel"].shape == (3, 3, 6)
    for channel in range(3):
        changed = x.copy()
        changed[..., channel] += 1
        after = run(model, changed)[1][0]
        assert [bool(d) for d in np.asarray(before != after)[0]] == [channel in maps for maps in table]


def test_an_rbf_head_is_the_squared_distance_to_each_code(rng):
    codes = ["##....", "..##..", "#.#.#.", "######"]
    model = stack({"name": "flatten"}, {"name": "rbf", "codes": codes}, shape=(1, 2, 3))
    x = rng.standard_normal((5, 1, 2, 3))
    signs = np.array([[1 if c == "#" else -1 for c in code] for code in codes])
    found = run(model, x)[1][0]
    np.testing.assert_allclose(found, -((x.reshape(5, 1, 6) - signs) ** 2).sum(2), rtol=1e-4)
    assert model.distances
    assert not mlp().distances


def test_dropout_drops_its_share_while_training_and_nothing_at_test():
    model = stack({"name": "flatten"}, {"name": "dropout", "dropout_rate": 0.2}, shape=(100, 100, 1), classes=10_000)
    x = np.ones((4, 100, 100, 1))
    dropped = np.asarray(run(model, x, train=True)[1][0])
    assert np.mean(dropped == 0) == pytest.approx(0.2, abs=0.01)
    np.testing.assert_allclose(dropped[dropped != 0], 1 / 0.8, rtol=1e-6)
    assert not np.array_equal(dropped, run(model, x, train=True, seed=1)[1][0])
    np.testing.assert_array_equal(run(model, x, train=False)[1][0], np.ones((4, 10_000)))
    trained, tested = (
        run(mlp((400,), dropout=(0.0, 0.5)), np.ones((2, 29, 29, 1)), train)[1][0] for train in (True, False)
    )
    assert not np.allclose(trained, tested)


def test_input_dropout_drops_pixels():
    model = mlp((1,), activation="linear", dropout=(0.3, 0.0), shape=(100, 100, 1))
    params, state = model.init(jax.random.key(0))
    params = {**params, "dense1": {"kernel": jnp.ones((10_000, 1)), "bias": jnp.zeros(1)}}
    params["output"] = {"kernel": jnp.ones((1, 10)), "bias": jnp.zeros(10)}
    kept = model.apply(params, state, jnp.ones((8, 100, 100, 1)), jax.random.key(1), train=True)[0][:, 0] * 0.7
    np.testing.assert_allclose(kept, 7000, atol=250)  # of 10,000 pixels


def test_the_papers_initial_weights_are_uniform():
    params, _ = mlp((1000, 500), init="uniform_0.05").init(jax.random.key(0))
    for leaf in jax.tree.leaves(params):  # biases too
        assert 0.03 < np.abs(leaf).max() <= 0.05
    kernel = params["dense1"]["kernel"]
    assert np.std(kernel) == pytest.approx(0.05 / np.sqrt(3), rel=0.01)
    assert abs(np.mean(kernel)) < 1e-3


VARIANCES = {
    "lecun_normal": 1 / 1000,
    "he_normal": 2 / 1000,
    "xavier_uniform": 2 / 1500,
    "fan_in_uniform": (2.4 / 1000) ** 2 / 3,
    "orthogonal": 1 / 1000,
}


@pytest.mark.parametrize(("init", "variance"), VARIANCES.items())
def test_initial_variance_is_that_of_the_fans(init, variance):
    params, _ = mlp((1000, 500), init=init).init(jax.random.key(0))
    assert np.var(params["dense2"]["kernel"]) == pytest.approx(variance, rel=0.02)
    assert not np.any(params["dense2"]["bias"])
    kernel = stack(
        {"name": "convolution", "features": 40, "kernel": 5, "activation": "relu"},
        {"name": "flatten"},
        shape=(5, 5, 40),
        classes=40,
        init=init,
    ).init(jax.random.key(0))[0]["convolution1"]["kernel"]
    fans = 1500 / 2000 if init == "xavier_uniform" else 1.0
    assert np.var(kernel) == pytest.approx(variance * fans, rel=0.05)


def test_orthogonal_weights_are_orthogonal():
    kernel = np.asarray(mlp((100, 50), init="orthogonal").init(jax.random.key(0))[0]["dense2"]["kernel"])
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(50), atol=1e-5)


@pytest.mark.parametrize(
    ("activation", "outputs", "share"),
    [
        ("tanh", [[0.0, 0.96], [-0.99, 0.3]], 0.5),
        ("scaled_tanh", [[1.7, 0.0], [1.0, 1.0]], 0.25),
        ("sigmoid", [[0.5, 0.99], [0.9, 0.01]], 0.5),
        ("relu", [[0.0, 0.0], [0.0, 2.0]], 0.5),  # the first unit is 0 for both images
    ],
)
def test_idle_units_are_saturated_or_dead(activation, outputs, share):
    assert float(units.idle(jnp.asarray(outputs), units.ACTIVATIONS[activation].bounds)) == share


def test_apply_tells_the_idle_share_of_every_layer_with_an_activation(rng):
    x = 100 * rng.standard_normal((8, 29, 29, 1))
    _, (_, _, idle) = run(mlp(activation="tanh"), x, train=True)
    assert set(idle) == {"dense1", "dense2", "dense3"}
    assert float(idle["dense1"]) > 0.9


CONVOLUTION = {"name": "convolution", "features": 3, "kernel": 3, "activation": "relu"}
DENSE = {"name": "dense", "width": 4, "activation": "linear"}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], r"model.layers: found \[\], expected at least one"),
        ([{**CONVOLUTION, "kernel": 9}], r"model.layers\[0\].kernel: found 9, expected an integer in \[1, 8\]"),
        ([{**CONVOLUTION, "features": 0}], r"model.layers\[0\].features: found 0"),
        ([{**CONVOLUTION, "padding": "full"}], r"model.layers\[0\].padding: found 'full', expected one of same, valid"),
        ([{**CONVOLUTION, "connections": [[0], [1]]}], r"layers\[0\].connections: found 2, expected 3 rows"),
        ([{**CONVOLUTION, "connections": [[0], [1], [2]]}], r"connections: found 2, expected an integer in \[0, 1\]"),
        ([{**CONVOLUTION, "connections": [[0], [1], [1, 1]]}], r"connections: found \[1, 1\], expected different maps"),
        ([{**CONVOLUTION, "connections": 5}], r"connections: found 5, expected a list"),
        ([{"name": "flatten"}, {"name": "rbf", "codes": 5}], r"layers\[1\].codes: found 5, expected a list"),
        (
            [{"name": "flatten"}, {"name": "rbf", "codes": ["#" * 128] * 4}, DENSE],
            r"layers\[1\].name: found 'rbf', expected it last",
        ),
        ([{"name": "convolutoin"}], r"model.layers\[0\].name: found 'convolutoin', .*did you mean 'convolution'"),
        ([DENSE], r"model.layers\[0\].name: found 'dense on \(8, 8, 2\)', expected dict\(name=\"flatten\"\) before it"),
        ([{"name": "flatten"}, CONVOLUTION], r"model.layers\[1\].name: found 'a layer for images on \(128,\)'"),
        ([{"name": "flatten"}, {**DENSE, "width": 5}], r"model.layers: found 'outputs \(5,\)', expected \(4,\)"),
        ([{"name": "flatten"}, {**DENSE, "activation": "rellu"}], r"layers\[1\].activation: .*did you mean 'relu'"),
        ([{"name": "flatten"}, {"name": "dropout", "dropout_rate": 1.0}], r"layers\[1\].dropout_rate: found 1.0"),
        (
            [{"name": "flatten"}, {"name": "maxout", "pieces": 5}],
            r"pieces: found 5, expected a divisor of 128",
        ),
        (
            [{"name": "flatten"}, {**DENSE, "width": 3}, {"name": "gated", "activation": "relu"}],
            "an even number of them",
        ),
        ([{"name": "max_pool", "size": 9}], r"model.layers\[0\].size: found 9"),
        ([{"name": "flatten"}, {"name": "rbf", "codes": CODES}], r"layers\[1\].codes: found 2, expected 4 of them"),
        (
            [{"name": "flatten"}, {"name": "rbf", "codes": CODES * 2}],
            r"layers\[1\].codes: found '######', expected one",
        ),
    ],
)
def test_impossible_stacks_are_refused(layers, message):
    with pytest.raises(BadValue, match=message):
        stack(*layers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": ()}, "model.widths: found .*, expected at least one hidden layer"),
        ({"widths": (10, 0)}, r"model.widths: found 0, expected an integer in \[1, inf\)"),
        ({"activation": "rellu"}, "model.activation: found 'rellu', .*did you mean 'relu'"),
        ({"init": "xavier"}, "model.init: found 'xavier'"),
        ({"norm": "bath"}, "model.norm: found 'bath', .*did you mean 'batch'"),
        ({"dropout": (0.0, 1.0)}, "model.dropout_rate: found 1.0"),
    ],
)
def test_impossible_perceptrons_are_refused(arguments, message):
    with pytest.raises(BadValue, match=message):
        mlp(**arguments)


def test_table_shows_every_layer_and_the_total():
    table = mlp((1000, 500)).table()
    assert "1,347,510" in table
    assert "dense2" in table


def test_sections_know_which_kernels_are_rounded():
    """By the names that the layers of a stack really have."""
    flat, exact = {"name": "flatten"}, {**DENSE, "width": 12}
    layers = [flat, exact, {**exact, "precision": "bfloat16"}, {**DENSE, "precision": "bfloat16"}]
    section = {"name": "stack", "init": "lecun_normal", "layers": layers}
    params, _ = models.build(section, (4, 4, 1), 4).init(jax.random.key(0))
    names = ["/".join(part.key for part in path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    rounded = [name for name in names if sections.rounds(section, name)]
    assert rounded == ["dense2/kernel", "output/kernel"]
    assert set(names) > {"dense1/kernel", "dense2/bias", *rounded}
    committee = {"name": "committee", "members": [section, {"name": "mlp", "precision": "bfloat16"}]}
    assert not sections.rounds(committee, "member1/dense1/kernel")
    assert sections.rounds(committee, "member2/dense1/kernel")
    assert not sections.rounds({"name": "deep"}, "block1/kernel")
