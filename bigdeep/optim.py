"""Learning-rate schedules and optimizers, from their config sections to optax.

A schedule maps a step (0, 1, …) to a learning rate. Lengths in configs are in epochs; the context
`epoch_steps` (steps an epoch) and `total_steps` (steps a run) turns them into steps.
"""

from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import optax

from bigdeep import config


def constant(rate: float) -> optax.Schedule:
    """learning rate = rate > 0 at every step."""
    config.number("rate", rate, 0.0, above=True)
    return optax.constant_schedule(rate)


def geometric(rate: float, end: float, decay: float, epoch_steps: int) -> optax.Schedule:
    """The paper's schedule: multiplied by a constant after every epoch, down to a floor.

    learning rate = max(end, rate * decay^epoch), with epoch = step // epoch_steps.

    rate, end: > 0; decay: in (0, 1].
    Source: Cireşan et al. 2010 (arXiv 1003.0358), section 3, 1e-3 to 1e-6. The factor is not given there.
    """
    config.number("rate", rate, 0.0, above=True)
    config.number("end", end, 0.0, rate, above=True)
    config.number("decay", decay, 0.0, 1.0, above=True)
    return lambda step: jnp.maximum(end, rate * decay ** (step // epoch_steps))


def cosine(rate: float, warmup: float, end: float, epoch_steps: int, total_steps: int) -> optax.Schedule:
    """Linear warm-up from 0, then half a cosine down to the end of the run.

    learning rate = rate * step / W                                               for step < W,
    end + (rate - end) * (1 + cos(pi (step - W) / (T - W))) / 2                    after it,
    with W = warmup * epoch_steps and T = total_steps.

    rate: the peak, > 0; warmup: epochs, >= 0, shorter than the run; end: the last rate, in [0, rate].
    Source: Loshchilov & Hutter 2017 (arXiv 1608.03983), equation 5, one cycle.
    """
    config.number("rate", rate, 0.0, above=True)
    config.number("end", end, 0.0, rate)
    config.number("warmup", warmup, 0.0, (total_steps - 1) / epoch_steps)
    warmup_steps = round(warmup * epoch_steps)
    decay = optax.cosine_decay_schedule(rate, total_steps - warmup_steps, alpha=end / rate)
    if not warmup_steps:
        return decay
    return optax.join_schedules([optax.linear_schedule(0.0, rate, warmup_steps), decay], [warmup_steps])


def strength(points: Sequence[Sequence[float]], total_steps: int) -> optax.Schedule:
    """What the deformations are multiplied by: straight lines through points (share of the run, strength).

    ((0, 1),) is full strength throughout; ((0, 1), (0.7, 1), (1, 0.3)) eases off to 30 % over the last 30 % of the run.

    Shares: in [0, 1], rising; strengths: >= 0. Before the first point and after the last, theirs.
    """
    usable = isinstance(points, Sequence) and points and all(isinstance(p, Sequence) and len(p) == 2 for p in points)
    config.check(usable, "strength", points, "pairs (share of the run, strength)")
    for share, value in points:
        config.number("strength", share, 0.0, 1.0)
        config.number("strength", value, 0.0)
    shares, values = zip(*points, strict=True)
    config.check(list(shares) == sorted(set(shares)), "strength", points, "pairs whose shares of the run rise")
    return lambda step: jnp.interp(step / total_steps, jnp.asarray(shares, float), jnp.asarray(values, float))


def sgd(rate: optax.Schedule, momentum: float) -> optax.GradientTransformation:
    """v <- momentum * v + g; w <- w - rate * v. momentum in [0, 1); 0 keeps no v."""
    config.number("momentum", momentum, 0.0, 0.999999)
    return optax.sgd(rate, momentum=momentum or None)


def adamw(rate: optax.Schedule, b1: float, b2: float, eps: float, weight_decay: float) -> optax.GradientTransformation:
    """Adam with decoupled weight decay of every parameter.

    m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;
    w <- w - rate * (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + weight_decay * w).

    b1, b2: in [0, 1); eps > 0; weight_decay >= 0.
    Source: Loshchilov & Hutter 2019 (arXiv 1711.05101), algorithm 2.
    """
    config.number("b1", b1, 0.0, 0.999999)
    config.number("b2", b2, 0.0, 0.999999)
    config.number("eps", eps, 0.0, above=True)
    config.number("weight_decay", weight_decay, 0.0)
    return optax.adamw(rate, b1=b1, b2=b2, eps=eps, weight_decay=weight_decay)


SCHEDULES = {"constant": constant, "geometric": geometric, "cosine": cosine}
OPTIMIZERS = {"sgd": sgd, "adamw": adamw}


def build_schedule(section: Mapping, epoch_steps: int, total_steps: int) -> optax.Schedule:
    """The schedule that `config.schedule` names."""
    return config.construct("schedule", SCHEDULES, section, epoch_steps=epoch_steps, total_steps=total_steps)


def build(section: Mapping, schedule: optax.Schedule) -> optax.GradientTransformation:
    """The optimizer that `config.optimizer` names, driven by a schedule."""
    return config.construct("optimizer", OPTIMIZERS, section, rate=schedule)
