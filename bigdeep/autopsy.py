"""Why a run exploded: replays training up to the failed step, and names the layer and the quantity that grew first."""

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from bigdeep import experiment as experiments
from bigdeep import programs
from bigdeep.experiment import Experiment
from bigdeep.run import checkpoint
from bigdeep.run.journal import Exploded, rounded_layers
from bigdeep.step import State

# How far beyond the median of its past a norm must be to count as exploding.
EXPLODING = 10.0


def explanation(error: Exploded, experiment: Experiment, store: checkpoint.Store, rows: Sequence[Mapping]) -> str:
    """One line: what exploded when, the layer and the quantity that grew first, and what usually helps.

    store: the run's checkpoints; the replay starts from the newest. rows: of metrics, up to the explosion.
    """
    abstract = experiments.abstract_state(experiment)
    items = checkpoint.Store(store.folder).restore(experiments.items_of(abstract))
    state = experiments.initial_state(experiment) if items is None else experiments.state_of(items)
    kept = "checkpoints from before it are kept" if store.steps() else "no checkpoint had been written"
    return (
        f"{error}; {replay(experiment, state, rows, error.step)}; {kept}; what usually helps: a lower "
        "--config.schedule.rate, a longer --config.warmup_epochs, or "
        "--config.regularisers=\"[dict(name='clip_norm', limit=1.0)]\""
    )


def replay(experiment: Experiment, state: State, rows: Sequence[Mapping], failed: int) -> str:
    """Trains from a state to the step that failed, its last chunk one step at a time; says what grew first.

    state: a checkpoint before the step (donated); rows: of metrics, from before it; failed: the step's number, from 0.
    """
    steps = programs.compiled_steps(experiment)
    at = int(state.step)
    while at + experiment.plan.chunk_length(at) <= failed:
        length = experiment.plan.chunk_length(at)
        state, _ = steps(state, length=length)
        at += length
    history = [{**row, "step": row["step"] - 1} for row in rows if row["step"] <= at]
    for step in range(at, failed + 1):
        state, metrics = steps(state, length=1)
        history.append({"step": step, "layers": rounded_layers(metrics["layers"])})
        if not np.isfinite(metrics["train_loss"]).all():
            break
    return first_to_grow(history)


def first_to_grow(rows: Sequence[Mapping]) -> str:
    """One sentence: the layer and the quantity that grew first, and when.

    rows: in the order of steps, each with `step` and `layers`, {layer: {quantity: value}}; a layer without weights
    has no norms. A series explodes at the step from which on it stays more than ten times above the median of all its
    finite values before, or is not finite.
    """
    onsets = []
    for layer in rows[-1]["layers"]:
        for quantity in ("gradient_norm", "weight_norm"):
            having = [row for row in rows if quantity in row["layers"].get(layer, {})]
            series = [row["layers"][layer][quantity] for row in having]
            at = _onset(series)
            if at is not None:
                before = statistics.median([value for value in series[:at] if math.isfinite(value)] or [0.0])
                growth = series[at] / before if math.isfinite(series[at]) and before > 0 else math.inf
                onsets.append((having[at]["step"], -growth, layer, quantity, before, series[at]))
    if not onsets:
        return "no layer's weights or gradients had grown before"
    step, _, layer, quantity, before, now = min(onsets)
    return (
        f"first to grow was the {quantity.replace('_', ' ')} of {layer}, in step {step}: from {before:.3g} to {now:.3g}"
    )


def _onset(series: Sequence[float]) -> int | None:
    """The index from which on all values are too large, where the last one is."""

    def exploding(i: int) -> bool:
        past = [value for value in series[:i] if math.isfinite(value)] or [0.0]
        return not math.isfinite(series[i]) or series[i] > EXPLODING * statistics.median(past)

    at = len(series)
    while at > 1 and exploding(at - 1):
        at -= 1
    return at if at < len(series) else None
