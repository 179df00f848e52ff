"""A net taken apart: every layer that a call of it went through, with what went in and came out, able to run alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax


class Layer(NamedTuple):
    """A layer as the net called it while training.

    name: its path, "block1/column2_row2"; "" for the whole net. kind: its class. params: its own, nested if it has
    layers. inputs: the arrays it was called with; output: what it returned.
    run(params, inputs) -> output, of the layer alone, with the same randomness at every call.
    """

    name: str
    kind: str
    params: Any
    inputs: Sequence[Any]
    output: Any
    run: Callable


def layers(module: nn.Module, variables: Mapping, inputs: jax.Array, key: jax.Array) -> list[Layer]:
    """The layers of module(inputs, train=True), each after those within it; the whole net is the last."""
    called = []

    def record(call: Callable, args: tuple, kwargs: dict, context: nn.module.InterceptorContext) -> Any:
        output = call(*args, **kwargs)
        if context.method_name == "__call__" and context.module.path is not None:
            called.append(_layer(context.module, args, kwargs, output, key))
        return output

    with nn.intercept_methods(record):
        module.apply(variables, inputs, train=True, rngs={"dropout": key}, mutable=list(variables))
    return called


def _layer(module: nn.Module, args: tuple, kwargs: Mapping, output: Any, key: jax.Array) -> Layer:
    alone = module.clone(parent=None, name=None)
    state = {name: values for name, values in module.variables.items() if name != "params"}

    def run(params: Any, inputs: Sequence[Any]) -> Any:
        variables = {**state, "params": params}
        return alone.apply(variables, *inputs, **kwargs, rngs={"dropout": key}, mutable=list(state))[0]

    params = module.variables.get("params", {})
    return Layer("/".join(module.path), type(module).__name__, params, args, output, run)


def by_layer(tree: Mapping, leaf: str) -> dict[str, Any]:
    """{path of the layer: its value of this name}, of a nested dict of layers."""
    paths = jax.tree_util.tree_leaves_with_path(tree)
    named = (([key.key for key in path], value) for path, value in paths)
    return {"/".join(path[:-1]): value for path, value in named if path[-1] == leaf}
