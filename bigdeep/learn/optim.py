"""Optimizers and what goes around them, from their config sections to one optax transformation.

Gradients pass through the regularisers that limit or add to them, then the optimizer, then those that act on the
updated weights. Where a section says which parameters it is for: "all", "weights" (no biases, no scales), "first_layer"
or "last_layer" (the weights of the first of its kind, and of the one called "output").
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from bigdeep import sections

PARAMETERS = ("all", "weights", "first_layer", "last_layer")


def _mask(which: str) -> Callable[[Any], Any]:
    """params -> a tree of bools: which leaves a choice of parameters means."""
    sections.choice("parameters", which, PARAMETERS)

    def chosen(path: Sequence, _: Any) -> bool:
        names = [key.key for key in path]
        layers = {"weights": True, "first_layer": names[0].endswith("1"), "last_layer": names[0] == "output"}
        return which == "all" or (names[-1] == "kernel" and layers[which])

    def mask(params: Any) -> Any:
        tree = jax.tree_util.tree_map_with_path(chosen, params)
        sections.check(any(jax.tree.leaves(tree)), "parameters", which, "a choice that this net has any of")
        return tree

    return mask


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
    return optax.adamw(rate, b1=b1, b2=b2, eps=eps, weight_decay=weight_decay, mask=_mask(parameters))


def lion(
    rate: optax.Schedule, b1: float, b2: float, weight_decay: float, parameters: str
) -> optax.GradientTransformation:
    """w <- w - rate * (sign(b1 m + (1 - b1) g) + weight_decay * w); m <- b2 m + (1 - b2) g.

    Source: Chen et al. 2023 (arXiv 2302.06675), algorithm 2.
    """
    _check_moments(b1, b2)
    sections.number("weight_decay", weight_decay, "[0, inf)")
    return optax.lion(rate, b1=b1, b2=b2, weight_decay=weight_decay, mask=_mask(parameters))


def lamb(
    rate: optax.Schedule, b1: float, b2: float, eps: float, weight_decay: float, parameters: str
) -> optax.GradientTransformation:
    """AdamW whose update u of each tensor is rescaled to its norm: w <- w - rate * u |w| / |u|, or u where w or u is 0.

    Source: You et al. 2020 (arXiv 1904.00962), algorithm 2.
    """
    _check_moments(b1, b2)
    sections.number("eps", eps, "(0, inf)")
    sections.number("weight_decay", weight_decay, "[0, inf)")
    return optax.lamb(rate, b1=b1, b2=b2, eps=eps, weight_decay=weight_decay, mask=_mask(parameters))


def muon(rate: optax.Schedule, momentum: float, weight_decay: float) -> optax.GradientTransformation:
    """Nesterov momentum of each matrix made orthogonal by Newton-Schulz steps; Adam for what is no matrix.

    momentum: in [0, 1); weight_decay: decoupled, >= 0, of all parameters.
    Source: Jordan et al. 2024 ("Muon: an optimizer for hidden layers in neural networks"), as in optax.contrib.
    """
    sections.number("momentum", momentum, "[0, 1)")
    sections.number("weight_decay", weight_decay, "[0, inf)")
    return optax.contrib.muon(rate, beta=momentum, weight_decay=weight_decay, adam_weight_decay=weight_decay)


def clip_norm(limit: float) -> optax.GradientTransformation:
    """g <- g min(1, limit / |g|), |g| over all parameters; limit > 0."""
    sections.number("limit", limit, "(0, inf)")
    return optax.clip_by_global_norm(limit)


def clip_value(limit: float) -> optax.GradientTransformation:
    """Each entry of g to within +-limit; limit > 0."""
    sections.number("limit", limit, "(0, inf)")
    return optax.clip(limit)


def l1(weight: float, parameters: str) -> optax.GradientTransformation:
    """The penalty weight * sum |w| on the loss: g <- g + weight * sign(w); weight >= 0."""
    sections.number("weight", weight, "[0, inf)")

    def update(updates: Any, state: Any, params: Any) -> tuple[Any, Any]:
        return jax.tree.map(lambda g, w: g + weight * jnp.sign(w), updates, params), state

    return optax.masked(optax.GradientTransformation(lambda _: optax.EmptyState(), update), _mask(parameters))


def l2(weight: float, parameters: str) -> optax.GradientTransformation:
    """The penalty weight / 2 * sum w^2 on the loss: g <- g + weight * w; weight >= 0."""
    sections.number("weight", weight, "[0, inf)")
    return optax.add_decayed_weights(weight, _mask(parameters))


def max_norm(limit: float) -> optax.GradientTransformation:
    """After the update the incoming weights of each unit w are scaled to |w| <= limit; limit > 0.

    Of a convolution with a table of connections, those from each input map on their own.

    Source: Hinton et al. 2012 (arXiv 1207.0580), for dropout.
    """
    sections.number("limit", limit, "(0, inf)")

    def constrain(update: jax.Array, w: jax.Array) -> jax.Array:
        new = w + update
        norm = jnp.sqrt(jnp.sum(new**2, axis=tuple(range(new.ndim - 1)), keepdims=True))
        return new * jnp.minimum(1.0, limit / jnp.maximum(norm, 1e-30)) - w

    def update(updates: Any, state: Any, params: Any) -> tuple[Any, Any]:
        return jax.tree.map(constrain, updates, params), state

    return optax.masked(optax.GradientTransformation(lambda _: optax.EmptyState(), update), _mask("weights"))


def beta_lasso(weight: float, beta: float, parameters: str, rate: optax.Schedule) -> optax.GradientTransformation:
    """After the update weights shrink by s = rate * weight, and those that are then below beta * s become 0.

    Decoupled from the optimizer, as AdamW's decay is: w <- w - s sign(w); w <- 0 where |w| < beta * s.

    weight >= 0; beta >= 1: how many times s a step must take a weight away from 0 for it to stay away.
    Source: Neyshabur 2020 (arXiv 2007.13657), algorithm 1, within gradient descent.
    """
    sections.number("weight", weight, "[0, inf)")
    sections.number("beta", beta, "[1, inf)")

    def update(updates: Any, steps: jax.Array, params: Any) -> tuple[Any, Any]:
        shrinking = rate(steps) * weight

        def shrunk(update: jax.Array, w: jax.Array) -> jax.Array:
            new = w + update
            new = new - shrinking * jnp.sign(new)
            return jnp.where(jnp.abs(new) < beta * shrinking, 0, new) - w

        return jax.tree.map(shrunk, updates, params), steps + 1

    return optax.masked(optax.GradientTransformation(lambda _: jnp.int32(0), update), _mask(parameters))


class AverageState(NamedTuple):
    """The moving average of the parameters."""

    average: Any


def average(decay: float) -> optax.GradientTransformation:
    """Keeps the moving average a <- d a + (1 - d) w of the updated weights for `averaged`. decay: d in (0, 1).

    Source: Polyak & Juditsky 1992 ("Acceleration of stochastic approximation by averaging"), exponentially weighted.
    """
    sections.number("decay", decay, "(0, 1)")

    def update(updates: Any, state: AverageState, params: Any) -> tuple[Any, AverageState]:
        new = optax.apply_updates(params, updates)
        return updates, AverageState(jax.tree.map(lambda a, w: decay * a + (1 - decay) * w, state.average, new))

    return optax.GradientTransformation(lambda params: AverageState(jax.tree.map(jnp.array, params)), update)


OPTIMIZERS = {f.__name__: f for f in (sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, lion, lamb, muon)}
# Regularisers by where they stand: on the gradients, on the updates, and what only watches them.
BEFORE = {f.__name__: f for f in (clip_norm, clip_value, l1, l2)}
AFTER = {f.__name__: f for f in (beta_lasso, max_norm)}
LAST = {f.__name__: f for f in (average,)}


def build(section: Mapping, regularisers: Sequence[Mapping], schedule: optax.Schedule) -> optax.GradientTransformation:
    """The optimizer that `config.optimizer` names, driven by a schedule, between the config's regularisers."""
    sections.sequence("regularisers", regularisers, "sections with a name, or none")
    places: dict[str, list] = {"before": [], "after": [], "last": []}
    for i, regulariser in enumerate(regularisers):
        kinds = {**BEFORE, **AFTER, **LAST}
        transformation = sections.construct(f"regularisers[{i}]", kinds, regulariser, rate=schedule)
        name = regulariser["name"]
        places["before" if name in BEFORE else "after" if name in AFTER else "last"].append(transformation)
    sections.check(len(places["last"]) < 2, "regularisers", "two averages", "one at most")
    optimizer = sections.construct("optimizer", OPTIMIZERS, section, rate=schedule)
    if not regularisers:
        return optimizer
    return optax.chain(*places["before"], optimizer, *places["after"], *places["last"])


def averaged(opt_state: Any) -> Any | None:
    """The moving average of the parameters, where the config asks for one."""
    states = jax.tree.leaves(opt_state, is_leaf=lambda state: isinstance(state, AverageState))
    return next((state.average for state in states if isinstance(state, AverageState)), None)
