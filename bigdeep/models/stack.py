"""Nets layer by layer, as their configs list them; a multilayer perceptron is one of them."""

import functools
from collections.abc import Callable, Mapping, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from bigdeep import sections
from bigdeep.models import layers as kinds
from bigdeep.models import units
from bigdeep.models.product import PRECISIONS


class Stack(nn.Module):
    """x -> the last of its layers of … of the first. Inputs (B, H, W, C); outputs (B, classes)."""

    layers: Mapping[str, Callable[..., nn.Module]]

    @nn.compact
    def __call__(self, inputs: jax.Array, *, train: bool) -> jax.Array:
        x = inputs
        for name, layer in self.layers.items():
            x = layer(name=name)(x, train=train)
        return x


def stack(init: str, layers: Sequence[Mapping], shape: Sequence[int], classes: int) -> Stack:
    """A net of the given layers, one after the other (bigdeep/models/layers.py).

    init: the initialiser of all weights (bigdeep/models/units.py). The last layer must have one output per class; it is
    called "output", the others by their kind and number: convolution1, max_pool1, convolution2, …
    """
    sections.sequence("layers", layers, "at least one")
    sections.check(len(layers) > 0, "layers", layers, "at least one")
    sections.choice("init", init, units.INITIALISERS)
    built: list[tuple[str, Callable]] = []
    shape = tuple(shape)
    for i, section in enumerate(layers):
        layer = sections.construct(f"layers[{i}]", kinds.LAYERS, section, init=init, shape=shape, classes=classes)
        sections.check(section["name"] != "rbf" or i == len(layers) - 1, f"layers[{i}].name", "rbf", "it last")
        built.append((section["name"], layer))
        shape = _output_shape(layer(), shape)
    sections.check(shape == (classes,), "layers", f"outputs {shape}", f"({classes},), one per class")
    return Stack(_named(built))


def _named(layers: Sequence[tuple[str, Callable]]) -> dict[str, Callable]:
    """{name: layer} of (kind, layer)."""
    kinds, made = zip(*layers, strict=True)
    return dict(zip(sections.layer_names(kinds), made, strict=True))


def _output_shape(layer: nn.Module, shape: Sequence[int]) -> tuple[int, ...]:
    def run(x: jax.Array) -> jax.Array:
        return layer.init_with_output(jax.random.key(0), x, train=False)[0]

    return jax.eval_shape(run, jax.ShapeDtypeStruct((1, *shape), jnp.result_type(float))).shape[1:]


def mlp(
    widths: Sequence[int],
    activation: str,
    init: str,
    norm: str,
    precision: str,
    input_dropout_rate: float,
    dropout_rate: float,
    classes: int,
) -> Stack:
    """A multilayer perceptron of the given hidden widths, linear at the output.

    widths: at least one hidden layer, each >= 1. activation, init, norm: names, see bigdeep/models/units.py.
    precision: of the products, "float32" or "bfloat16", see bigdeep/models/product.py.
    input_dropout_rate, dropout_rate: the share of pixels, and of units of each hidden layer, DROPPED while training.
    Source: Cireşan et al. 2010 (arXiv 1003.0358); Srivastava et al. 2014 (JMLR 15) for dropout.
    """
    sections.sequence("widths", widths, "at least one hidden layer")
    sections.check(len(widths) > 0, "widths", widths, "at least one hidden layer")
    for width in widths:
        sections.integer("widths", width, "[1, inf)")
    units.check(activation, norm, init)
    sections.choice("precision", precision, PRECISIONS)
    sections.number("input_dropout_rate", input_dropout_rate, "[0, 1)")
    sections.number("dropout_rate", dropout_rate, "[0, 1)")

    def dropped(rate: float) -> list[tuple]:
        return [("dropout", functools.partial(kinds.Dropout, rate))] if rate else []

    layers = [("flatten", kinds.Flatten), *dropped(input_dropout_rate)]
    for width in widths:
        layers.append(("dense", functools.partial(kinds.Dense, width, activation, init, norm, precision)))
        layers += dropped(dropout_rate)
    layers.append(("dense", functools.partial(kinds.Dense, classes, "linear", init, "none", precision)))
    return Stack(_named(layers))
