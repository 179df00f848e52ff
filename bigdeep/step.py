"""The training step and the forward pass over a split: pure functions of state, batch and key. No config, no I/O."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bigdeep.data import pixels

EVALUATION_BATCH = 500
EVALUATION_PART = 20_000  # images that are brought to the devices at once, where a set does not lie there


class State(NamedTuple):
    """All that training changes. step: int32 (), updates done; it is the whole state of data and randomness."""

    step: jax.Array
    params: Any
    model_state: Any
    opt_state: Any


def init_state(key: jax.Array, *, init: Callable, tx: optax.GradientTransformation) -> State:
    """The state before the first step."""
    params, model_state = init(key)
    return State(jnp.int32(0), params, model_state, tx.init(params))


class Given(NamedTuple):
    """What a batch gives: mean loss, error rate, the next model_state, {layer: share of idle units}, the gradient."""

    loss: jax.Array
    error: jax.Array
    model_state: Any
    idle: dict[str, jax.Array]
    gradient: Any


def whole_batch(gradients: Callable, update: Callable) -> Callable:
    """(state, batch, key) -> update of what the batch as a whole gives; run.fixed_order has another way."""
    return lambda state, batch, key: update(state, gradients(state, batch, key))


def train_step(
    state: State,
    batch: tuple[jax.Array, jax.Array],
    key: jax.Array,
    *,
    tx: optax.GradientTransformation,
    rate: optax.Schedule,
    combine: Callable = whole_batch,
    **forward: Any,
) -> tuple[State, dict[str, jax.Array]]:
    """One update on a batch (uint8 images (B, H, W, C), labels (B,)): deform, mix, forward, backward, update.

    key: the run's; the step's randomness is fold_in(key, step), so nothing of it needs to be saved.
    rate: the schedule that drives tx, here for the metrics. forward: the keywords of `gradients`.
    combine: (gradients, update) -> (state, batch, key) -> the result, as whole_batch.
    """
    given = functools.partial(gradients, **forward)
    return combine(given, functools.partial(update, tx=tx, rate=rate))(state, batch, key)


def gradients(
    state: State,
    batch: tuple[jax.Array, jax.Array],
    key: jax.Array,
    *,
    augment: Callable,
    strength: optax.Schedule,
    mix: Callable,
    apply: Callable,
    loss: Any,
) -> Given:
    """Deform, mix, forward, backward. A mixed image counts as wrong under the label of its larger part.

    strength: step -> what the deformation is multiplied by. mix(key, inputs, labels) -> (inputs, labels (B, classes)).
    loss: a learn.losses.Loss.
    """
    images, labels = batch
    augment_key, apply_key, mix_key = keys(key, state.step)
    with jax.named_scope("deform"):
        inputs = augment(augment_key, images, labels, strength(state.step))
    with jax.named_scope("mix"):
        inputs, mixed_labels = mix(mix_key, inputs, labels)
    gradient = functools.partial(value_and_gradient, apply=apply, per_example=loss.per_example)
    targets = loss.targets(inputs, mixed_labels)
    value, seen, grads = gradient(state.params, state.model_state, inputs, targets, apply_key)
    error = jnp.mean(seen.logits.argmax(axis=1) != labels)
    return Given(value, error, seen.model_state, seen.idle, grads)


def update(
    state: State, given: Given, *, tx: optax.GradientTransformation, rate: optax.Schedule
) -> tuple[State, dict[str, jax.Array]]:
    """The next state, and what there is to say of it.

    Metrics, all (): train_loss; train_error, the error rate on the batch as the net sees it; learning_rate;
    gradient_norm = |g|_2; update_ratio = |update|_2 / |params|_2 before the update; layers, {layer: the same of each,
    and its idle units}.
    """
    with jax.named_scope("update"):
        updates, opt_state = tx.update(given.gradient, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
    layers = layer_norms(state.params, given.gradient, updates)
    for layer, share in given.idle.items():
        layers.setdefault(layer, {})["idle"] = share
    metrics = {
        "train_loss": given.loss,
        "train_error": given.error,
        "learning_rate": jnp.float32(rate(state.step)),
        "gradient_norm": optax.tree.norm(given.gradient),
        "update_ratio": optax.tree.norm(updates) / optax.tree.norm(state.params),
        "layers": layers,
    }
    return State(state.step + 1, params, given.model_state, opt_state), metrics


def keys(key: jax.Array, step: jax.Array) -> jax.Array:
    """The keys of a step's deformations, of what is random in its forward pass, and of its mixing."""
    return jax.random.split(jax.random.fold_in(key, step), 3)


class Seen(NamedTuple):
    """What a forward pass while training gives beside the loss: logits (B, classes), model_state, idle shares."""

    logits: jax.Array
    model_state: Any
    idle: dict[str, jax.Array]


def value_and_gradient(
    params: Any,
    model_state: Any,
    inputs: jax.Array,
    targets: Any,
    key: jax.Array,
    *,
    apply: Callable,
    per_example: Callable,
) -> tuple[jax.Array, Seen, Any]:
    """The mean loss over a batch as the net sees it, what it saw, and the gradient of the loss by the params."""

    def objective(params: Any) -> tuple[jax.Array, Seen]:
        with jax.named_scope("forward"):
            seen = Seen(*apply(params, model_state, inputs, key, train=True))
            return per_example(seen.logits, targets).mean(), seen

    (value, seen), gradient = jax.value_and_grad(objective, has_aux=True)(params)
    return value, seen, gradient


def layer_norms(params: Any, gradients: Any, updates: Any) -> dict[str, dict[str, jax.Array]]:
    """{layer: its weight_norm, gradient_norm, update_norm and update_ratio = update_norm / weight_norm}, each ()."""

    def norms(tree: Any) -> dict[str, jax.Array]:
        squares: dict[str, jax.Array] = {}
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
            layer = "/".join(key.key for key in path[:-1])
            squares[layer] = squares.get(layer, 0.0) + jnp.sum(leaf**2)
        return {layer: jnp.sqrt(square) for layer, square in squares.items()}

    weight, gradient, update = norms(params), norms(gradients), norms(updates)
    return {
        layer: {
            "weight_norm": weight[layer],
            "gradient_norm": gradient[layer],
            "update_norm": update[layer],
            "update_ratio": update[layer] / weight[layer],
        }
        for layer in weight
    }


def keys_of_run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The key that the images are put in order by, and that of what is drawn in each step."""
    order_key, step_key = jax.random.split(key)
    return order_key, step_key


def train_steps(
    state: State, key: jax.Array, *, length: int, batches: Callable, one_step: Callable
) -> tuple[State, dict[str, jax.Array]]:
    """`length` updates within one epoch, as one scan.

    batches(key, step) -> (batch_of(step) -> (images, labels)), as data/resident.py gives it: called once, at the first
    step, so that what the whole epoch needs is not computed in each. one_step: (state, batch, key) -> (state, metrics).
    Metrics: train_loss and train_error of each step, (length,); the others of the last step only, since norms read the
    whole state and would cost an eighth of the step.
    """
    order_key, step_key = keys_of_run(key)
    batch_of = batches(order_key, state.step)

    def cheap_only(state: State, _: None) -> tuple[State, dict[str, jax.Array]]:
        state, metrics = one_step(state, batch_of(state.step), step_key)
        return state, {name: metrics[name] for name in ("train_loss", "train_error")}

    state, cheap = jax.lax.scan(cheap_only, state, length=length - 1)
    state, metrics = one_step(state, batch_of(state.step), step_key)
    return state, {**metrics, **{name: jnp.append(values, metrics[name]) for name, values in cheap.items()}}


def parts(images: np.ndarray) -> list[np.ndarray]:
    """Images (N, H, W, C) that lie on the host, cut into parts that a device has room for."""
    return [images[start : start + EVALUATION_PART] for start in range(0, len(images), EVALUATION_PART)]


def predict(apply: Callable) -> Callable[[Any, Any, jax.Array], jax.Array]:
    """logits(params, model_state, images) -> (N, classes), of undeformed images, uint8 (N, H, W, C), in batches.

    The last batch is filled up with copies of the last image, whose logits are cut off.
    """

    def logits(params: Any, model_state: Any, images: jax.Array) -> jax.Array:
        images = jnp.asarray(images)

        def of_batch(start: jax.Array) -> jax.Array:
            index = jnp.minimum(start + jnp.arange(EVALUATION_BATCH), len(images) - 1)
            inputs = pixels.to_inputs(images[index].astype(jnp.float32))
            return apply(params, model_state, inputs, jax.random.key(0), train=False)[0]

        outputs = jax.lax.map(of_batch, jnp.arange(0, len(images), EVALUATION_BATCH))
        return outputs.reshape(-1, outputs.shape[-1])[: len(images)]

    return logits
