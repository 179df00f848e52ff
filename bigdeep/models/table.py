"""A net layer by layer, as text: what comes out, how many weights, how many FLOPs."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax.extend import core

from bigdeep.models import anatomy


def table(layers: Sequence[anatomy.Layer]) -> str:
    """A row for each outermost layer: output per image, weights, MFLOPs of its forward pass per image; their sums.

    layers: of a call with one image a net, as `anatomy.layers` gives them. FLOPs: of matrix products and convolutions,
    two for each multiplication, counted in the traced program; what a processor computes beyond them is not counted.
    """
    whole = layers[-1]
    rows = [(layer.name, layer) for layer in layers if layer.name and "/" not in layer.name]
    lines = [f"{'layer':<18}{'kind':<14}{'output':>14}{'weights':>14}{'MFLOP':>12}"]
    for name, layer in [*rows, ("all", whole)]:
        shape = "x".join(map(str, layer.output.shape[1:]))
        weights = sum(leaf.size for leaf in jax.tree.leaves(layer.params))
        mega = flops(layer.run, layer.params, layer.inputs) / 1e6
        lines.append(f"{name:<18}{layer.kind:<14}{shape:>14}{weights:>14,}{mega:>12,.3f}")
    return "\n".join(lines)


def flops(function: Callable, *arguments: object) -> int:
    """FLOPs of the matrix products and convolutions of a function; where it has branches, of the cheapest."""
    return _flops(jax.make_jaxpr(function)(*arguments).jaxpr)


def _flops(jaxpr: core.Jaxpr) -> int:
    total = 0
    for equation in jaxpr.eqns:
        name, inner = equation.primitive.name, _inner(equation)
        if name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            lengths = [equation.invars[0].aval.shape[axis] for axis in contracted]
            total += 2 * equation.outvars[0].aval.size * int(np.prod(lengths))
        elif name == "conv_general_dilated":
            kernel = equation.invars[1].aval
            features = kernel.shape[equation.params["dimension_numbers"].rhs_spec[0]]
            total += 2 * equation.outvars[0].aval.size * kernel.size // features
        elif inner:
            counts = [_flops(each) for each in inner]
            total += (min if name == "cond" else sum)(counts) * equation.params.get("length", 1)
    return total


def _inner(equation: core.JaxprEqn) -> list[core.Jaxpr]:
    """The programs within an equation: branches, bodies, called functions."""
    values = [v for value in equation.params.values() for v in (value if isinstance(value, tuple | list) else (value,))]
    closed = [value.jaxpr for value in values if isinstance(value, core.ClosedJaxpr)]
    return closed + [value for value in values if isinstance(value, core.Jaxpr)]
