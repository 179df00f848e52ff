"""Learning-rate schedules, and the strength of the deformations over a run.

A schedule maps a step (0, 1, …) to a learning rate. Lengths in configs are in epochs or in shares of the run; the
context `epoch_steps` (steps per epoch) and `total_steps` (steps of the run after its warm-up) turns them into steps.
"""

from collections.abc import Callable, Mapping, Sequence

import jax.numpy as jnp
import optax

from bigdeep import sections


def constant(rate: float) -> optax.Schedule:
    """learning rate = rate > 0 at every step."""
    sections.number("rate", rate, "(0, inf)")
    return optax.constant_schedule(rate)


def geometric(rate: float, end: float, decay: float, epoch_steps: int) -> optax.Schedule:
    """The paper's schedule: multiplied by a constant after every epoch, down to a floor.

    learning rate = max(end, rate * decay^epoch), with epoch = step // epoch_steps.

    rate, end: > 0; decay: in (0, 1].
    Source: Cireşan et al. 2010 (arXiv 1003.0358), section 3, 1e-3 to 1e-6. The factor is not given there.
    """
    sections.number("rate", rate, "(0, inf)")
    sections.number("end", end, f"(0, {rate}]")
    sections.number("decay", decay, "(0, 1]")
    return lambda step: jnp.maximum(end, rate * decay ** (step // epoch_steps))


def steps(rate: float, decay: float, at: Sequence[float], total_steps: int) -> optax.Schedule:
    """Stairs: multiplied by `decay` each time that a share of the run is over.

    learning rate = rate * decay^(number of shares s in `at` with step >= s T).

    rate: > 0; decay: in (0, 1]; at: shares of the run in (0, 1), rising.
    """
    sections.number("rate", rate, "(0, inf)")
    sections.number("decay", decay, "(0, 1]")
    sections.sequence("at", at, "shares of the run that rise")
    for share in at:
        sections.number("at", share, "(0, 1)")
    sections.check(list(at) == sorted(set(at)), "at", at, "shares of the run that rise")
    bounds = jnp.asarray([round(share * total_steps) for share in at], jnp.int32)
    return lambda step: rate * decay ** jnp.sum(step >= bounds)


def linear(rate: float, end: float, total_steps: int) -> optax.Schedule:
    """A straight line from `rate` > 0 to `end` in [0, rate] over the run."""
    sections.number("rate", rate, "(0, inf)")
    sections.number("end", end, f"[0, {rate}]")
    return optax.linear_schedule(rate, end, total_steps)


def cosine(rate: float, end: float, total_steps: int) -> optax.Schedule:
    """Half a cosine down to the end of the run: end + (rate - end) * (1 + cos(pi step / T)) / 2.

    rate: > 0; end: the last rate, in [0, rate].
    Source: Loshchilov & Hutter 2017 (arXiv 1608.03983), equation 5, one cycle.
    """
    sections.number("rate", rate, "(0, inf)")
    sections.number("end", end, f"[0, {rate}]")
    return optax.cosine_decay_schedule(rate, total_steps, alpha=end / rate)


def one_cycle(rate: float, start: float, end: float, peak: float, total_steps: int) -> optax.Schedule:
    """A line from `start` up to `rate` at the share `peak` of the run, then a line down to `end`.

    rate: > 0; start, end: in [0, rate]; peak: in (0, 1).
    Source: Smith & Topin 2017 (arXiv 1708.07120), section 3.
    """
    sections.number("rate", rate, "(0, inf)")
    sections.number("start", start, f"[0, {rate}]")
    sections.number("end", end, f"[0, {rate}]")
    sections.number("peak", peak, "(0, 1)")
    corners, rates = (0.0, peak * total_steps, float(total_steps)), (start, rate, end)
    return lambda step: jnp.interp(step, jnp.asarray(corners), jnp.asarray(rates))


def strength(points: Sequence[Sequence[float]], total_steps: int) -> optax.Schedule:
    """What the deformations are multiplied by: straight lines through points (share of the run, strength).

    ((0, 1),) is full strength throughout; ((0, 1), (0.7, 1), (1, 0.3)) eases off to 30 % over the last 30 % of the run.

    Shares: in [0, 1], rising; strengths: >= 0. Before the first point and after the last, theirs.
    """
    usable = isinstance(points, Sequence) and points and all(isinstance(p, Sequence) and len(p) == 2 for p in points)
    sections.check(usable, "strength", points, "pairs (share of the run, strength)")
    for share, value in points:
        sections.number("strength", share, "[0, 1]")
        sections.number("strength", value, "[0, inf)")
    shares, values = zip(*points, strict=True)
    sections.check(list(shares) == sorted(set(shares)), "strength", points, "pairs whose shares of the run rise")
    return lambda step: jnp.interp(step / total_steps, jnp.asarray(shares, float), jnp.asarray(values, float))


SCHEDULES: dict[str, Callable] = {
    "constant": constant,
    "geometric": geometric,
    "steps": steps,
    "linear": linear,
    "cosine": cosine,
    "one_cycle": one_cycle,
}


def build(section: Mapping, warmup_epochs: float, epoch_steps: int, total_steps: int) -> optax.Schedule:
    """The schedule that `config.schedule` names, after `config.warmup_epochs` of warm-up.

    For its first W = warmup_epochs * epoch_steps steps, learning rate = (the schedule's first) * step / W.
    """
    sections.number("warmup_epochs", warmup_epochs, f"[0, {(total_steps - 1) / epoch_steps:.6g}]")
    warmup = round(warmup_epochs * epoch_steps)
    after = sections.construct(
        "schedule", SCHEDULES, section, epoch_steps=epoch_steps, total_steps=total_steps - warmup
    )
    if not warmup:
        return after
    return optax.join_schedules([optax.linear_schedule(0.0, after(0), warmup), after], [warmup])
