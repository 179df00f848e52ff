"""Optimizers and what goes around them, from their config sections to one optax transformation.

Gradients pass through the regularisers that limit or add to them, then the optimizer, then those that act on the
updated weights (regularisers.py, which also says what `parameters` of a section means).
"""

from collections.abc import Mapping, Sequence

import optax

from bigdeep import sections
from bigdeep.learn.regularisers import AFTER, BEFORE, LAST, mask


def _check_moments(b1: float, b2: float) -> None:
    sections.number("b1", b1, "[0, 1)")
    sections.number("b2", b2, "[0, 1)")


def sgd(rate: optax.Schedule) -> optax.GradientTransformation:
    """Gradient descent: w <- w - rate * g."""
    return optax.sgd(rate)


def momentum(rate: optax.Schedule, momentum: float) -> optax.GradientTransformation:
    """v <- momentum * v + g; w <- w - rate * v. momentum in (0, 1)."""
    sections.number("momentum", momentum, "(0, 1)")
    return optax.sgd(rate, momentum=momentum)


def nesterov(rate: optax.Schedule, momentum: float) -> optax.GradientTransformation:
    """v <- momentum * v + g; w <- w - rate * (g + momentum * v). momentum in (0, 1).

    Source: Sutskever et al. 2013 ("On the importance of initialization and momentum"), section 2, in terms of g at w.
    """
    sections.number("momentum", momentum, "(0, 1)")
    return optax.sgd(rate, momentum=momentum, nesterov=True)


def adagrad(rate: optax.Schedule, initial: float, eps: float) -> optax.GradientTransformation:
    """s <- s + g^2, from s = initial >= 0; w <- w - rate * g / sqrt(s + eps). eps > 0. Source: Duchi et al. 2011."""
    sections.number("initial", initial, "[0, inf)")
    sections.number("eps", eps, "(0, inf)")
    return optax.adagrad(rate, initial_accumulator_value=initial, eps=eps)


def rmsprop(rate: optax.Schedule, decay: float, eps: float) -> optax.GradientTransformation:
    """s <- decay s + (1 - decay) g^2; w <- w - rate * g / sqrt(s + eps). decay in [0, 1), eps > 0.

    Source: Hinton 2012, lecture 6e of "Neural networks for machine learning".
    """
    sections.number("decay", decay, "[0, 1)")
    sections.number("eps", eps, "(0, inf)")
    return optax.rmsprop(rate, decay=decay, eps=eps)


def adam(rate: optax.Schedule, b1: float, b2: float, eps: float) -> optax.GradientTransformation:
    """Adam: adamw without weight decay. Source: Kingma & Ba 2015 (arXiv 1412.6980), algorithm 1."""
    return adamw(rate, b1, b2, eps, 0.0, "all")


def adamw(
    rate: optax.Schedule, b1: float, b2: float, eps: float, weight_decay: float, parameters: str
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay of the parameters chosen.

    m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;
    w <- w - rate * (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + weight_decay * w).

    b1, b2: in [0, 1); eps > 0; weight_decay >= 0.
    Source: Loshchilov & Hutter 2019 (arXiv 1711.05101), algorithm 2.
    """
    _check_moments(b1, b2)
    sections.number("eps", eps, "(0, inf)")
    sections.number("weight_decay", weight_decay, "[0, inf)")
    return optax.adamw(rate, b1=b1, b2=b2, eps=eps, weight_decay=weight_decay, mask=mask(parameters))


def lion(
    rate: optax.Schedule, b1: float, b2: float, weight_decay: float, parameters: str
) -> optax.GradientTransformation:
    """w <- w - rate * (sign(b1 m + (1 - b1) g) + weight_decay * w); m <- b2 m + (1 - b2) g.

    Source: Chen et al. 2023 (arXiv 2302.06675), algorithm 2.
    """
    _check_moments(b1, b2)
    sections.number("weight_decay", weight_decay, "[0, inf)")
    return optax.lion(rate, b1=b1, b2=b2, weight_decay=weight_decay, mask=mask(parameters))


def lamb(
    rate: optax.Schedule, b1: float, b2: float, eps: float, weight_decay: float, parameters: str
) -> optax.GradientTransformation:
    """AdamW whose update u of each tensor is rescaled to its norm: w <- w - rate * u |w| / |u|, or u where w or u is 0.

    Source: You et al. 2020 (arXiv 1904.00962), algorithm 2.
    """
    _check_moments(b1, b2)
    sections.number("eps", eps, "(0, inf)")
    sections.number("weight_decay", weight_decay, "[0, inf)")
    return optax.lamb(rate, b1=b1, b2=b2, eps=eps, weight_decay=weight_decay, mask=mask(parameters))


def muon(rate: optax.Schedule, momentum: float, weight_decay: float) -> optax.GradientTransformation:
    """Nesterov momentum of each matrix made orthogonal by Newton-Schulz steps; Adam for what is no matrix.

    momentum: in [0, 1); weight_decay: decoupled, >= 0, of all parameters.
    Source: Jordan et al. 2024 ("Muon: an optimizer for hidden layers in neural networks"), as in optax.contrib.
    """
    sections.number("momentum", momentum, "[0, 1)")
    sections.number("weight_decay", weight_decay, "[0, inf)")
    return optax.contrib.muon(rate, beta=momentum, weight_decay=weight_decay, adam_weight_decay=weight_decay)


OPTIMIZERS = {f.__name__: f for f in (sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, lion, lamb, muon)}


def build(
    section: Mapping, regularisers: Sequence[Mapping], schedule: optax.Schedule, total_steps: int
) -> optax.GradientTransformation:
    """The optimizer that `config.optimizer` names, driven by a schedule, between the config's regularisers."""
    sections.sequence("regularisers", regularisers, "sections with a name, or none")
    places: dict[str, list] = {"before": [], "after": [], "last": []}
    for i, regulariser in enumerate(regularisers):
        kinds = {**BEFORE, **AFTER, **LAST}
        context = {"rate": schedule, "total_steps": total_steps}
        transformation = sections.construct(f"regularisers[{i}]", kinds, regulariser, **context)
        name = regulariser["name"]
        places["before" if name in BEFORE else "after" if name in AFTER else "last"].append(transformation)
    sections.check(len(places["last"]) < 2, "regularisers", "two averages", "one at most")
    optimizer = sections.construct("optimizer", OPTIMIZERS, section, rate=schedule)
    if not regularisers:
        return optimizer
    return optax.chain(*places["before"], optimizer, *places["after"], *places["last"])
