"""Deep nets and FractalNet: depths and counts of the papers, blocks against their formulas, paths alone and dropped."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bigdeep import models
from bigdeep.models import fractalnet
from bigdeep.sections import BadValue

IMAGES = (8, 8, 1)
UNITS = {"activation": "tanh", "norm": "none", "init": "lecun_normal"}


def deep(kind, depth, unit="dense", widths=(6,), shape=IMAGES, **units):
    section = {"name": "deep", "kind": kind, "unit": unit, "depth": depth, "widths": list(widths)}
    return models.build({**section, **UNITS, **units}, shape, 10)


def fractal(columns, widths=(6,), unit="dense", shape=IMAGES, dropout=0.0, drop=0.0, share=0.0, column=0, **units):
    paths = {"drop_path_rate": drop, "global_share": share, "column": column, "columns": columns}
    section = {"name": "fractalnet", "unit": unit, "widths": list(widths), "dropout_rates": [dropout] * len(widths)}
    return models.build({**section, **paths, **UNITS, **units}, shape, 10)


def kernels(model):
    """{layer: shape of its kernel} of a net."""
    params, _ = jax.eval_shape(model.init, jax.random.key(0))
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {"/".join(k.key for k in path[:-1]): leaf.shape for path, leaf in leaves if path[-1].key == "kernel"}


def forward(model, x, params=None, train=False, key=0):
    own, state = model.init(jax.random.key(0))
    return model.apply(params or own, state, x, jax.random.key(key), train=train)[0]


@pytest.mark.parametrize("kind", ["plain", "highway", "residual"])
@pytest.mark.parametrize(("unit", "widths", "depth"), [("dense", (6,), 10), ("convolution", (4, 4), 11)])
def test_depth_counts_the_layers_of_weights_on_the_longest_path(kind, unit, widths, depth):
    found = kernels(deep(kind, depth, unit, widths))
    assert len([name for name in found if not name.endswith("gate")]) == depth
    gates = [name for name in found if name.endswith("gate")]
    assert len(gates) == (depth - len(widths) - 1 if kind == "highway" else 0)


def test_blocks_are_their_formulas(rng):
    x = rng.standard_normal((5, *IMAGES)).astype(np.float32)

    def layer(params, a):
        return a @ np.asarray(params["kernel"], float) + np.asarray(params["bias"], float)

    for kind in ("plain", "highway", "residual"):
        model = deep(kind, 4)
        params, _ = model.init(jax.random.key(0))
        a = np.tanh(layer(params["stage1_entry"], x.reshape(5, -1).astype(float)))
        if kind == "plain":
            for b in (1, 2):
                a = np.tanh(layer(params[f"stage1_block{b}"]["unit"], a))
        if kind == "highway":
            for b in (1, 2):
                block = params[f"stage1_block{b}"]
                t = 1 / (1 + np.exp(2 - layer(block["gate"], a)))
                a = t * np.tanh(layer(block["unit"], a)) + (1 - t) * a
        if kind == "residual":
            block = params["stage1_block1"]
            a = np.tanh(a + layer(block["unit2"], np.tanh(layer(block["unit1"], a))))
        np.testing.assert_allclose(forward(model, x), layer(params["output"], a), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
def test_a_fractal_block_is_the_expansion_rule(rng, columns):
    """f_1 = unit; f_{C+1}(z) = mean of (f_C o f_C)(z) and unit(z), the mean over all columns where joins coincide."""
    x = rng.standard_normal((3, *IMAGES)).astype(np.float32)
    model = fractal(columns, widths=(64,))
    params, _ = model.init(jax.random.key(0))
    block = params["block1"]

    def unit(name, a):
        own = block[name]["layer"]
        return np.tanh(a @ np.asarray(own["kernel"], float) + np.asarray(own["bias"], float))

    def rule(c, a, begin):
        """Outputs of the columns 1..c of a fractal that begins after row `begin`, before their join."""
        end = begin + 2 ** (c - 1)
        shortest = unit(f"column{c}_row{end}", a)
        if c == 1:
            return [shortest]
        middle = np.mean(rule(c - 1, a, begin), axis=0)
        return [*rule(c - 1, middle, begin + 2 ** (c - 2)), shortest]

    y = np.mean(rule(columns, x.reshape(3, -1).astype(float), 0), axis=0)
    expected = y @ np.asarray(params["output"]["kernel"], float) + np.asarray(params["output"]["bias"], float)
    np.testing.assert_allclose(forward(model, x), expected, rtol=1e-4, atol=1e-5)


def test_the_papers_net_has_20_layers_and_its_parameters():
    """B = 5 blocks, C = 3 columns, 64-128-256-512-512 maps: depth 5 * 2^2, and 7 units a block."""
    widths = (64, 128, 256, 512, 512)
    found = kernels(fractal(3, widths, "convolution", (32, 32, 3), norm="batch"))
    assert len([name for name in found if "column1" in name]) == 5 * 2**2
    assert len(found) == 5 * 7 + 1
    inputs = (3, *widths[:-1])
    weights = sum(9 * (3 * i * w + 4 * w * w) for i, w in zip(inputs, widths, strict=True))
    assert sum(int(np.prod(shape)) for shape in found.values()) == weights + 512 * 10 == 33_704_000


def test_a_column_alone_is_a_plain_net(rng):
    x = rng.standard_normal((3, *IMAGES)).astype(np.float32)
    params, _ = fractal(3, widths=(64,)).init(jax.random.key(0))
    for column in (1, 2, 3):
        a = x.reshape(3, -1).astype(float)
        for row in range(2 ** (column - 1), 5, 2 ** (column - 1)):
            own = params["block1"][f"column{column}_row{row}"]["layer"]
            a = np.tanh(a @ np.asarray(own["kernel"], float) + np.asarray(own["bias"], float))
        expected = a @ np.asarray(params["output"]["kernel"], float) + np.asarray(params["output"]["bias"], float)
        found = forward(fractal(3, widths=(64,), column=column), x, params)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_global_drop_path_is_one_column_a_batch_and_nothing_at_test(rng):
    x = rng.standard_normal((3, *IMAGES)).astype(np.float32)
    model = fractal(3, widths=(64,), share=1.0)
    params, _ = model.init(jax.random.key(0))
    alone = [np.asarray(forward(fractal(3, widths=(64,), column=c), x, params)) for c in (1, 2, 3)]
    seen = set()
    for key in range(20):
        found = np.asarray(forward(model, x, params, train=True, key=key))
        seen.add(int(np.argmin([np.abs(found - one).max() for one in alone])))
        assert min(np.abs(found - one).max() for one in alone) < 1e-5
    assert seen == {0, 1, 2}
    whole = forward(fractal(3, widths=(64,)), x, params)
    np.testing.assert_array_equal(forward(model, x, params), whole)


def test_batch_norm_is_measured_of_the_net_as_it_is_at_test(rng):
    """A test pass by what was measured on a batch is a training pass over that batch of a net that drops nothing."""
    x = rng.standard_normal((50, *IMAGES)).astype(np.float32)
    model = fractal(3, widths=(16, 16), drop=0.3, share=0.5, dropout=0.4, norm="batch", activation="relu")
    params, state = model.init(jax.random.key(0))
    measured = model.statistics(params, state, x)
    found = model.apply(params, measured, x, jax.random.key(1), train=False)[0]
    whole = forward(fractal(3, widths=(16, 16), norm="batch", activation="relu"), x, params, train=True)
    np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-5)


def test_which_nets_batch_norm_has_to_be_measured_anew():
    norm = {"norm": "batch"}
    assert fractal(3, drop=0.1, **norm).drops_paths
    assert fractal(3, share=0.1, **norm).drops_paths
    for model in (
        fractal(3, drop=0.1),
        fractal(1, drop=0.1, **norm),
        fractal(3, **norm),
        fractal(3, drop=0.1, column=1, **norm),
        deep("plain", 4),
    ):
        assert not model.drops_paths


def test_local_drop_path_drops_its_share_of_inputs_but_never_all():
    def weights(key, rate=0.3):
        return fractalnet.Paths(jnp.int32(0), key, rate).weights([1, 2, 3], 4)

    drawn = np.asarray(jax.vmap(weights)(jax.random.split(jax.random.key(0), 4000)))
    np.testing.assert_allclose(drawn.sum(1), 1, rtol=1e-6)
    assert np.mean(drawn == 0) == pytest.approx(0.3 - 0.3**3 / 3, abs=0.01)
    for row in drawn[:100]:  # a mean over those alive
        assert np.allclose(row[row > 0], 1 / np.sum(row > 0))
    assert np.allclose(weights(jax.random.key(0), 0.0), 1 / 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fractal(0), r"model.columns: found 0, expected an integer in \[1, inf\)"),
        (lambda: fractal(3, column=4), r"model.column: found 4, expected an integer in \[0, 3\]"),
        (lambda: fractal(2, widths=()), "model.widths: found .*, expected at least one"),
        (lambda: fractal(2, (4,) * 4, "convolution"), "model.widths: found .*, expected at most 3"),
        (lambda: deep("plain", 11, "convolution", (4,) * 5), "model.widths: found .*, expected at most 4"),
        (lambda: fractal(2, drop=1.0), "model.drop_path_rate: found 1.0"),
        (lambda: deep("plain", 1), r"model.depth: found 1, expected an integer in \[2, inf\)"),
        (lambda: deep("residual", 5), "model.depth: found 5, expected 2 and any number of times 2 more"),
        (lambda: deep("resnet", 5), "model.kind: found 'resnet', expected one of highway, plain, residual"),
        (lambda: deep("plain", 5, unit="conv"), "model.unit: found 'conv', .*did you mean 'convolution'"),
    ],
)
def test_impossible_nets_are_refused(make, message):
    with pytest.raises(BadValue, match=message):
        make()
