"""Nets as pure functions: a config section -> (init, apply). Nothing outside this package sees flax.linen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bigdeep import sections
from bigdeep.models import anatomy, units
from bigdeep.models.committee import NETS, committee, has_distances
from bigdeep.models.table import table as text_table

MODELS: dict[str, Callable] = {**NETS, "committee": committee}


class Model(NamedTuple):
    """init(key) -> (params, model_state). The last layer of every net, also a committee's member, is "output".

    apply(params, model_state, inputs, key, *, train) -> (logits (B, classes), model_state, idle), with idle the share
      of saturated or dead units of each layer that has an activation, {layer: ()}.
    statistics(params, model_state, inputs, key) -> the model_state that batch norm would measure on this batch alone.
    layers(params, model_state, inputs, key) -> every layer as it was called while training, in order (anatomy.Layer).
    table() -> the layers with shapes, weights and FLOPs, as text.
    distances: whether the outputs are distances to codes of the classes (layers.rbf) rather than logits.
    shares: 1; of a committee its members, among which batches are divided: where train is True, in statistics and in
      layers their size is a multiple of it.
    """

    init: Callable
    apply: Callable
    statistics: Callable
    layers: Callable
    table: Callable[[], str]
    distances: bool
    shares: int


def build(section: Mapping, shape: Sequence[int], classes: int) -> Model:
    """The net that `config.model` names, for float32 inputs (B, H, W, C)."""
    module = sections.construct("model", MODELS, section, shape=tuple(shape), classes=classes)
    nets = sections.nets(section)
    example = jnp.zeros((len(nets), *shape), jnp.float32)

    def init(key: jax.Array) -> tuple[Any, Any]:
        variables = module.init(key, example, train=False)
        return variables.pop("params", {}), variables

    def apply(params: Any, model_state: Any, inputs: jax.Array, key: jax.Array, *, train: bool) -> tuple:
        variables = {"params": params, **model_state}
        changing = [*(model_state if train else ()), "diagnosis"]
        logits, changed = module.apply(variables, inputs, train=train, rngs={"dropout": key}, mutable=changing)
        idle = anatomy.by_layer(changed.pop("diagnosis", {}), "idle")
        return logits, {**model_state, **changed}, idle

    def statistics(params: Any, model_state: Any, inputs: jax.Array, key: jax.Array) -> Any:
        zeros = jax.tree.map(jnp.zeros_like, model_state)
        after = apply(params, zeros, inputs, key, train=True)[1]
        return jax.tree.map(lambda value: value / (1 - units.MOMENTUM), after)

    def layers(params: Any, model_state: Any, inputs: jax.Array, key: jax.Array) -> list[anatomy.Layer]:
        return anatomy.layers(module, {"params": params, **model_state}, inputs, key)

    def table() -> str:
        return text_table(layers(*init(jax.random.key(0)), example, jax.random.key(0)))

    return Model(init, apply, statistics, layers, table, has_distances(nets[0]), len(nets))
