"""A committee: what it says against NumPy, and that its members learn as nets would that know nothing of each other."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bigdeep import experiment, models, step
from bigdeep.learn import regularisers
from bigdeep.sections import BadValue

SHAPE, CLASSES = (6, 6, 1), 10
PLAIN = {"activation": "tanh", "init": "lecun_normal", "norm": "batch", "precision": "float32"}
RATES = {"input_dropout_rate": 0.0, "dropout_rate": 0.0}


def mlp(*widths: int, **changes: object) -> dict:
    return {"name": "mlp", "widths": list(widths), **PLAIN, **RATES, **changes}


RBF = {"name": "stack", "init": "lecun_normal"}
RBF |= {"layers": [{"name": "flatten"}, {"name": "rbf", "codes": ["#" * 36] * CLASSES}]}
MEMBERS = (mlp(7), mlp(8, 5), mlp(7))


def committee(*members: dict, member: int = 0) -> models.Model:
    return models.build({"name": "committee", "members": list(members or MEMBERS), "member": member}, SHAPE, CLASSES)


def alone(model_state: dict, params: dict, k: int) -> tuple[models.Model, dict, dict]:
    """Member k as a net of its own, with its part of the committee's weights."""
    batch_stats = model_state["batch_stats"][f"member{k}"]
    return models.build(MEMBERS[k - 1], SHAPE, CLASSES), params[f"member{k}"], {"batch_stats": batch_stats}


@pytest.fixture
def batch(rng) -> tuple[jax.Array, jax.Array]:
    """Inputs of 12 images and their labels, one-hot."""
    inputs = jnp.asarray(rng.standard_normal((12, *SHAPE)), jnp.float32)
    return inputs, jax.nn.one_hot(rng.integers(0, CLASSES, 12), CLASSES)


def test_its_probabilities_are_the_mean_of_the_members(batch):
    model, (inputs, _), key = committee(), batch, jax.random.key(1)
    params, state = model.init(jax.random.key(0))
    said = []
    for k in (1, 2, 3):
        net, own, own_state = alone(state, params, k)
        logits = np.asarray(net.apply(own, own_state, inputs, key, train=False)[0], np.float64)
        single = committee(member=k).apply(params, state, inputs, key, train=False)[0]
        np.testing.assert_allclose(single, logits, rtol=1e-5, atol=1e-6)
        said.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    together = model.apply(params, state, inputs, key, train=False)[0]
    np.testing.assert_allclose(np.exp(together), np.mean(said, axis=0), rtol=1e-5)
    assert not np.allclose(said[0], said[2])  # the same net twice, but of other first weights


def test_a_member_has_a_third_of_the_gradient_of_a_net_alone_on_every_third_image(batch):
    model, (inputs, targets), key = committee(), batch, jax.random.key(1)
    params, state = model.init(jax.random.key(0))

    def learn(net, params, state, inputs, targets):
        loss = optax.softmax_cross_entropy
        return step.value_and_gradient(params, state, inputs, targets, key, apply=net.apply, per_example=loss)

    value, seen, gradient = learn(model, params, state, inputs, targets)
    losses = []
    for k in (1, 2, 3):
        net, own, own_state = alone(state, params, k)
        loss, seen_alone, expected = learn(net, own, own_state, inputs[k - 1 :: 3], targets[k - 1 :: 3])
        losses.append(loss)
        np.testing.assert_allclose(seen.logits[k - 1 :: 3], seen_alone.logits, rtol=1e-5, atol=1e-6)
        for found, wanted in (
            (gradient[f"member{k}"], jax.tree.map(lambda g: g / 3, expected)),
            (seen.model_state["batch_stats"][f"member{k}"], seen_alone.model_state["batch_stats"]),
        ):
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, wanted)
    np.testing.assert_allclose(value, np.mean(losses), rtol=1e-6)
    assert {name.partition("/")[0] for name in seen.idle} == {"member1", "member2", "member3"}


def test_batch_norm_is_measured_anew_for_each_member(batch):
    model, (inputs, _) = committee(), batch
    params, state = model.init(jax.random.key(0))
    measured = model.statistics(params, state, inputs)["batch_stats"]
    for k in (1, 2, 3):
        net, own, own_state = alone(state, params, k)
        wanted = net.statistics(own, own_state, inputs[k - 1 :: 3])["batch_stats"]
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), measured[f"member{k}"], wanted
        )


def test_the_table_counts_every_member_once():
    lines = committee().table().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["member1", "member2", "member3", "all"]
    weights = [int(line.split()[-2].replace(",", "")) for line in lines[1:]]
    flops = [float(line.split()[-1]) for line in lines[1:]]
    assert weights[0] == 36 * 7 + 2 * 7 + 7 * 10 + 10
    assert weights[3] == sum(weights[:3])
    assert flops[3] == pytest.approx(sum(flops[:3]), abs=2e-3)
    assert committee().shares == 3
    assert models.build(mlp(7), SHAPE, CLASSES).shares == 1


def test_first_and_last_layers_are_those_of_all_members():
    params, _ = committee().init(jax.random.key(0))
    for which, layers in {"first_layer": ["dense1"], "last_layer": ["output"]}.items():
        chosen = jax.tree_util.tree_leaves_with_path(regularisers.mask(which)(params))
        found = ["/".join(k.key for k in path) for path, yes in chosen if yes]
        assert found == [f"member{k}/{layer}/kernel" for k in (1, 2, 3) for layer in layers]


@pytest.mark.parametrize(
    ("members", "member", "message"),
    [
        ([], 0, "model.members: found .*, expected at least one net"),
        ("mlp", 0, "model.members: found 'mlp', expected a list: at least one net"),
        ([{"name": "committee"}], 0, r"model.members\[0\].name: found 'committee', expected one of"),
        ([mlp(7), mlp()], 0, r"model.members\[1\].widths: found \[\], expected at least one"),
        ([mlp(7), RBF], 0, "found '1 with an rbf head', expected 2 or none"),
        ([mlp(7)], 2, r"model.member: found 2, expected an integer in \[0, 1\]"),
    ],
)
def test_what_is_no_committee_is_refused(members, member, message):
    with pytest.raises(BadValue, match=message):
        models.build({"name": "committee", "members": members, "member": member}, SHAPE, CLASSES)


@pytest.mark.parametrize(
    ("batch_size", "shards", "message"),
    [
        (99, 0, "batch_size: found 99, expected a multiple of 2, the shares of the nets, as 98 or 100"),
        (2, 0, "batch_size: found 2, expected at least 4 for batch norm"),
        (100, 4, "batch_size: found 100, expected a multiple of 8, the shares of the nets, as 96 or 104"),
    ],
)
def test_members_share_a_batch_evenly(smoke, batch_size, shards, message):
    config = {**smoke("speedrun_60min"), "batch_size": batch_size, "fixed_order_shards": shards}
    with pytest.raises(BadValue, match=message):
        experiment.build(config)


def test_two_images_are_mixed_though_each_member_sees_one(smoke):
    config = {**smoke("speedrun_60min"), "batch_size": 2}
    config["model"]["members"] = [{**net, "norm": "none"} for net in config["model"]["members"]]
    assert config["mixup"] > 0
    assert experiment.build(config).model.shares == 2
    with pytest.raises(BadValue, match="mixup: found 0.2, expected 0 for batches of one image"):
        experiment.build({**config, "batch_size": 1, "model": config["model"]["members"][0]})
