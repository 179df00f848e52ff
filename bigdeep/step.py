"""The training step and the evaluation step: pure functions of state, batch and key. No config, no I/O."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from bigdeep import diagnosis


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


def train_step(
    state: State,
    batch: tuple[jax.Array, jax.Array],
    key: jax.Array,
    *,
    apply: Callable,
    loss_fn: Callable,
    augment: Callable,
    strength: Callable,
    mix: Callable,
    tx: optax.GradientTransformation,
) -> tuple[State, dict[str, jax.Array]]:
    """One update on a batch (uint8 images (B, H, W, C), labels (B,)): deform, mix, forward, backward, update.

    key: the run's; the step's randomness is fold_in(key, step), so nothing of it needs to be saved.
    strength: step -> what the deformation is multiplied by. mix: (key, inputs, loss) -> (inputs, loss), as in mixup.py.
    Metrics, all (): train_loss; train_error, the share of the batch, deformed and mixed, that is not named by the label
    (a blend's, by that of its larger part); gradient_norm = |g|_2;
    update_ratio = |update|_2 / |params|_2 before the update; layers, {layer: the same of each, and its idle units}.
    """
    images, labels = batch
    augment_key, apply_key, mix_key = keys(key, state.step)
    inputs = augment(augment_key, images, labels, strength(state.step))
    inputs, loss_fn = mix(mix_key, inputs, loss_fn)
    gradient = functools.partial(value_and_gradient, apply=apply, loss_fn=loss_fn)
    loss, seen, grads = gradient(state.params, state.model_state, inputs, labels, apply_key)
    updates, opt_state = tx.update(grads, state.opt_state, state.params)
    layers = diagnosis.layer_norms(state.params, grads, updates)
    for layer, share in seen.idle.items():
        layers.setdefault(layer, {})["idle"] = share
    metrics = {
        "train_loss": loss,
        "train_error": jnp.mean(seen.logits.argmax(axis=1) != labels),
        "gradient_norm": optax.tree.norm(grads),
        "update_ratio": optax.tree.norm(updates) / optax.tree.norm(state.params),
        "layers": layers,
    }
    params = optax.apply_updates(state.params, updates)
    return State(state.step + 1, params, seen.model_state, opt_state), metrics


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
    labels: jax.Array,
    key: jax.Array,
    *,
    apply: Callable,
    loss_fn: Callable,
) -> tuple[jax.Array, Seen, Any]:
    """The mean loss over a batch as the net sees it, what it saw, and the gradient of the loss by the params."""

    def objective(params: Any) -> tuple[jax.Array, Seen]:
        seen = Seen(*apply(params, model_state, inputs, key, train=True))
        return loss_fn(seen.logits, labels, inputs).mean(), seen

    (loss, seen), gradient = jax.value_and_grad(objective, has_aux=True)(params)
    return loss, seen, gradient


def train_steps(
    state: State,
    images: jax.Array,
    labels: jax.Array,
    key: jax.Array,
    *,
    length: int,
    batch_size: int,
    one_step: Callable,
    shard: Callable,
) -> tuple[State, dict[str, jax.Array]]:
    """`length` updates within one epoch over a resident data set, as one scan.

    The images of a step are a slice of permutation(fold_in(key, epoch)). Where batch_size does not divide the set,
    a different random remainder of it sits out each epoch.
    images, labels: the whole training set on the device, uint8. one_step: (state, batch, key) -> (state, metrics).
    shard: puts a batch on the devices.
    Metrics: train_loss and train_error of each step, (length,); the others of the last step only, since norms read the
    whole state and would cost an eighth of the step.
    """
    order_key, step_key = jax.random.split(key)
    steps_per_epoch = len(labels) // batch_size
    order = jax.random.permutation(jax.random.fold_in(order_key, state.step // steps_per_epoch), len(labels))

    def body(state: State, _: None) -> tuple[State, dict[str, jax.Array]]:
        index = jax.lax.dynamic_slice_in_dim(order, state.step % steps_per_epoch * batch_size, batch_size)
        return one_step(state, shard((images[index], labels[index])), step_key)

    def cheap_only(state: State, _: None) -> tuple[State, dict[str, jax.Array]]:
        state, metrics = body(state, _)
        return state, {name: metrics[name] for name in ("train_loss", "train_error")}

    state, cheap = jax.lax.scan(cheap_only, state, length=length - 1)
    state, metrics = body(state, None)
    return state, {**metrics, **{name: jnp.append(values, metrics[name]) for name, values in cheap.items()}}


def eval_step(params: Any, model_state: Any, images: jax.Array, *, batch_size: int, apply: Callable) -> jax.Array:
    """Logits (N, classes) of a whole resident split of undeformed images, uint8 (N, H, W, C), batch by batch.

    The last batch is filled up with copies of the last image, whose logits are cut off.
    """
    starts = jnp.arange(0, len(images), batch_size)

    def logits(start: jax.Array) -> jax.Array:
        index = jnp.minimum(start + jnp.arange(batch_size), len(images) - 1)
        return apply(params, model_state, images[index])

    outputs = jax.lax.map(logits, starts)
    return outputs.reshape(-1, outputs.shape[-1])[: len(images)]
