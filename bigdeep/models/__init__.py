"""Nets as pure functions: a config section -> (init, apply). Nothing outside this package sees flax.linen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bigdeep import config
from bigdeep.models import mlp

MODELS = {"mlp": mlp.mlp}


class Model(NamedTuple):
    """init(key) -> (params, model_state).

    apply(params, model_state, inputs, key, *, train) -> (logits (B, classes), model_state).
    table() -> the layers with shapes, parameters and FLOPs, as text.
    """

    init: Callable
    apply: Callable
    table: Callable[[], str]


def build(section: Mapping, shape: Sequence[int], classes: int) -> Model:
    """The net that `config.model` names, for float32 inputs (B, H, W, C)."""
    module = config.construct("model", MODELS, section, classes=classes)
    example = jax.ShapeDtypeStruct((1, *shape), jnp.float32)

    def init(key: jax.Array) -> tuple[Any, Any]:
        variables = module.init(key, jnp.zeros(example.shape, example.dtype), train=False)
        return variables.pop("params"), variables

    def apply(params: Any, model_state: Any, inputs: jax.Array, key: jax.Array, *, train: bool) -> tuple:
        variables = {"params": params, **model_state}
        return module.apply(variables, inputs, train=train, rngs={"dropout": key}, mutable=list(model_state))

    def table() -> str:
        options = {"compute_flops": True, "console_kwargs": {"width": 120, "force_terminal": False}}
        return module.tabulate(jax.random.key(0), jnp.zeros(example.shape), train=False, **options)

    return Model(init, apply, table)
