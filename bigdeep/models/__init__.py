"""Nets as pure functions: a config section -> (init, apply). Nothing outside this package sees flax.linen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bigdeep import sections
from bigdeep.models import anatomy, fractalnet, units
from bigdeep.models.committee import NETS, committee, has_distances
from bigdeep.models.table import table as text_table

MODELS: dict[str, Callable] = {**NETS, "committee": committee}


class Model(NamedTuple):
    """init(key) -> (params, model_state). The last layer of every net, also a committee's member, is "output".

    apply(params, model_state, inputs, key, *, train) -> (logits (B, classes), model_state, idle), with idle the share
      of saturated or dead units of each layer that has an activation, {layer: ()}. Without a key nothing is dropped.
    statistics(params, model_state, inputs) -> the model_state that batch norm would measure on this batch alone, of the
      net as it is at test: with all units and paths.
    layers(params, model_state, inputs, key) -> every layer as it was called while training, in order (anatomy.Layer).
    table() -> the layers with shapes, weights and FLOPs, as text.
    drops_paths: whether batch norm while training measures nets with other paths than the one at test, so that its
      running statistics do not fit that one.
    distances: whether the outputs are distances to codes of the classes (layers.rbf) rather than logits.
    shares: 1; of a committee its members, among which batches are divided: where train is True, in statistics and in
      layers their size is a multiple of it.
    """

    init: Callable
    apply: Callable
    statistics: Callable
    layers: Callable
    table: Callable[[], str]
    drops_paths: bool
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

    def apply(
        params: Any, model_state: Any, inputs: jax.Array, key: jax.Array | None, *, train: bool
    ) -> tuple[jax.Array, Any, dict]:
        variables, rngs = {"params": params, **model_state}, {} if key is None else {"dropout": key}
        changing = [*(model_state if train else ()), "diagnosis"]
        logits, changed = module.apply(variables, inputs, train=train, rngs=rngs, mutable=changing)
        idle = anatomy.by_layer(changed.pop("diagnosis", {}), "idle")
        return logits, {**model_state, **changed}, idle

    def statistics(params: Any, model_state: Any, inputs: jax.Array) -> Any:
        zeros = jax.tree.map(jnp.zeros_like, model_state)
        after = apply(params, zeros, inputs, None, train=True)[1]
        return jax.tree.map(lambda value: value / (1 - units.MOMENTUM), after)

    def layers(params: Any, model_state: Any, inputs: jax.Array, key: jax.Array) -> list[anatomy.Layer]:
        return anatomy.layers(module, {"params": params, **model_state}, inputs, key)

    def table() -> str:
        return text_table(layers(*init(jax.random.key(0)), example, jax.random.key(0)))

    drops_paths = any(fractalnet.drops_paths(net) for net in nets)
    return Model(init, apply, statistics, layers, table, drops_paths, has_distances(nets[0]), len(nets))
