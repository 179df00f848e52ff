"""Training steps as pure functions: the scan against single steps, the order of images, evaluation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bigdeep import augment, models, step
from bigdeep.data.resident import resident
from bigdeep.learn import losses, mixup, schedules

COUNT, BATCH = 48, 8
MODEL = {"name": "mlp", "widths": [16], "activation": "scaled_tanh", "init": "lecun_normal", "norm": "none"}
MODEL |= {"precision": "float32", "input_dropout_rate": 0.0, "dropout_rate": 0.0}
FULL = schedules.strength([[0, 1]], 1)


@pytest.fixture(scope="module")
def small(digits):
    """A small net on 48 digits: (state, images, labels, one_step)."""
    model = models.build(MODEL, (28, 28, 1), 10)
    tx = optax.sgd(0.05, momentum=0.9)
    deform = augment.build([{"name": "elastic", "sigma": 6.0, "alpha": 36.0}], (28, 28, 1), 10)
    one_step = functools.partial(
        step.train_step,
        apply=model.apply,
        loss=losses.cross_entropy(0.0),
        augment=deform,
        strength=FULL,
        mix=mixup.build(0.0, 10),
        tx=tx,
        rate=lambda step: 0.05,
    )
    images, labels = digits.train_images[::83][:COUNT], digits.train_labels[::83][:COUNT]
    return step.init_state(jax.random.key(0), init=model.init, tx=tx), images, labels, one_step


def many(small, state, length):
    _, images, labels, one_step = small

    def run(state, images, labels, key):
        batches = resident(images, labels, BATCH, lambda batch: batch)
        return step.train_steps(state, key, length=length, batches=batches, one_step=one_step)

    return jax.jit(run)(state, images, labels, jax.random.key(7))


@pytest.mark.slow
def test_one_scan_is_the_single_steps_bit_for_bit(small):
    together, metrics = many(small, small[0], 6)
    apart, losses_apart = small[0], []
    for _ in range(6):
        apart, one = many(small, apart, 1)
        losses_apart.append(one["train_loss"][0])
    assert int(together.step) == 6
    for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(apart), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(metrics["train_loss"], losses_apart)


def test_every_image_is_seen_once_an_epoch_in_another_order_each_epoch(small):
    """With the index of an image as its label, a step that returns its labels shows what it was given."""
    indices = jnp.arange(COUNT)

    def spy(state, batch, key):
        del key
        seen = jax.lax.dynamic_update_slice_in_dim(state.params, batch[1], state.step % (COUNT // BATCH) * BATCH, 0)
        return state._replace(step=state.step + 1, params=seen), {
            "train_loss": jnp.float32(0),
            "train_error": jnp.float32(0),
        }

    def epoch(number):
        state = step.State(jnp.int32(number * 6), jnp.full(COUNT, -1, jnp.int32), {}, {})
        batches = resident(indices, indices, BATCH, lambda batch: batch)
        return np.asarray(step.train_steps(state, jax.random.key(3), length=6, batches=batches, one_step=spy)[0].params)

    assert sorted(epoch(0)) == sorted(epoch(1)) == list(range(COUNT))
    assert not np.array_equal(epoch(0), epoch(1))
    np.testing.assert_array_equal(epoch(0), epoch(0))


def test_the_same_images_are_deformed_anew_in_every_step(small):
    """One batch, one key, one set of weights: only the step number differs."""
    state, images, labels, one_step = small
    losses = {
        float(
            jax.jit(one_step)(state._replace(step=jnp.int32(number)), (images, labels), jax.random.key(0))[1][
                "train_loss"
            ]
        )
        for number in (0, 1, 2, 0)
    }
    assert len(losses) == 3


def test_a_step_is_forward_backward_update(small):
    """Without deformation, one step of plain SGD is the gradient of the mean loss times the rate."""
    state, images, labels, _ = small
    model, tx, loss = models.build(MODEL, (28, 28, 1), 10), optax.sgd(0.1), losses.cross_entropy(0.0)
    deform = augment.build([], (28, 28, 1), 10)
    state = state._replace(opt_state=tx.init(state.params))
    bound = {"augment": deform, "strength": FULL, "mix": mixup.build(0.0, 10), "apply": model.apply, "loss": loss}
    one = functools.partial(step.train_step, **bound, tx=tx, rate=lambda step: 0.1)
    after, metrics = one(state, (images, labels), jax.random.key(0))

    def mean_loss(params):
        logits, _, _ = model.apply(params, {}, images / np.float32(127.5) - 1, jax.random.key(0), train=True)
        return loss.per_example(logits, jax.nn.one_hot(labels, 10)).mean()

    value, gradient = jax.value_and_grad(mean_loss)(state.params)
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in jax.tree.leaves(gradient)))
    size = np.sqrt(sum(np.sum(np.square(p)) for p in jax.tree.leaves(state.params)))
    assert float(metrics["train_loss"]) == pytest.approx(float(value), rel=1e-5)
    logits, _, _ = model.apply(state.params, {}, images / np.float32(127.5) - 1, jax.random.key(0), train=True)
    wrong = np.mean(np.asarray(logits).argmax(axis=1) != labels)
    assert 0.2 < wrong < 1
    assert float(metrics["train_error"]) == pytest.approx(wrong)
    assert float(metrics["learning_rate"]) == pytest.approx(0.1)
    assert float(metrics["gradient_norm"]) == pytest.approx(norm, rel=1e-4)
    assert float(metrics["update_ratio"]) == pytest.approx(0.1 * norm / size, rel=1e-4)
    for layer, found in metrics["layers"].items():
        g, p = (np.sqrt(sum(np.sum(np.square(x)) for x in tree[layer].values())) for tree in (gradient, state.params))
        assert float(found["gradient_norm"]) == pytest.approx(g, rel=1e-4)
        assert float(found["update_norm"]) == pytest.approx(0.1 * g, rel=1e-4)
        assert float(found["update_ratio"]) == pytest.approx(0.1 * g / p, rel=1e-4)
        assert float(found["weight_norm"]) == pytest.approx(p, rel=1e-4)
    assert set(metrics["layers"]) == {"dense1", "output"}
    assert 0 <= float(metrics["layers"]["dense1"]["idle"]) < 1
    for p, g, q in zip(*map(jax.tree.leaves, (state.params, gradient, after.params)), strict=True):
        np.testing.assert_allclose(q, p - 0.1 * g, atol=1e-6)


def test_the_strength_of_the_step_is_the_schedules(small):
    """Full strength up to step 1, none from step 2 on: then a step is one without deformation."""
    state, images, labels, one_step = small
    fading = jax.jit(functools.partial(one_step, strength=schedules.strength([[0.5, 1], [1, 0]], 2)))
    plain = jax.jit(functools.partial(one_step, augment=augment.build([], (28, 28, 1), 10)))

    def loss(step_fn, number):
        return float(
            step_fn(state._replace(step=jnp.int32(number)), (images, labels), jax.random.key(0))[1]["train_loss"]
        )

    full = jax.jit(one_step)
    assert loss(fading, 1) == pytest.approx(loss(full, 1), rel=1e-6)
    assert loss(fading, 2) == pytest.approx(loss(plain, 2), rel=1e-6) != pytest.approx(loss(full, 2), rel=1e-5)


@pytest.mark.parametrize("count", [1, 7, 8, 20])
def test_a_forward_pass_covers_a_split_exactly_whatever_the_batch(digits, monkeypatch, count):
    monkeypatch.setattr(step, "EVALUATION_BATCH", 8)
    images = digits.test_images[:count]

    def apply(params, model_state, inputs, key, *, train):
        del model_state, key
        assert not train
        return inputs.reshape(len(inputs), -1) @ params, None, None

    params = jnp.asarray(np.random.default_rng(0).standard_normal((784, 10)), jnp.float32)
    found = step.predict(apply)(params, {}, jnp.asarray(images))
    assert found.shape == (count, 10)
    expected = (images.reshape(count, -1) / np.float32(127.5) - 1) @ params
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
