"""What each layer does while a net trains, and which one grew first when a run explodes."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

# How far beyond the median of its past a norm must be to count as exploding.
EXPLODING = 10.0


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


def first_to_grow(rows: Sequence[Mapping]) -> str:
    """One sentence: which layer's what was the first to leave its past behind, and when.

    rows: in the order of steps, each with `step` and `layers`, {layer: {quantity: value}}; a layer without weights
    has no norms. A series explodes at the step from which on it stays more than ten times above the median of all its
    finite values before, or is not finite.
    """
    onsets = []
    for layer in rows[-1]["layers"]:
        for what in ("gradient_norm", "weight_norm"):
            seen = [row for row in rows if what in row["layers"].get(layer, {})]
            series = [row["layers"][layer][what] for row in seen]
            at = _onset(series)
            if at is not None:
                before = statistics.median([value for value in series[:at] if math.isfinite(value)] or [0.0])
                growth = series[at] / before if math.isfinite(series[at]) and before > 0 else math.inf
                onsets.append((seen[at]["step"], -growth, layer, what, before, series[at]))
    if not onsets:
        return "no layer's weights or gradients had grown before"
    step, _, layer, what, before, now = min(onsets)
    return f"first to grow was the {what.replace('_', ' ')} of {layer}, in step {step}: from {before:.3g} to {now:.3g}"


def _onset(series: Sequence[float]) -> int | None:
    """The index from which on all values are too large, where the last one is."""

    def exploding(i: int) -> bool:
        past = [value for value in series[:i] if math.isfinite(value)] or [0.0]
        return not math.isfinite(series[i]) or series[i] > EXPLODING * statistics.median(past)

    at = len(series)
    while at > 1 and exploding(at - 1):
        at -= 1
    return at if at < len(series) else None
