"""Regularisers: what limits gradients or adds to them, and what acts on, or watches, the updated weights.

Where a section says which parameters it is for: "all", "weights" (no biases, no scales), "first_layer" or "last_layer"
(the weights of the first of its kind, and of the one called "output"; in a committee, each member's).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from bigdeep import sections

PARAMETERS = ("all", "weights", "first_layer", "last_layer")


def mask(which: str) -> Callable[[Any], Any]:
    """params -> a tree of bools: which leaves a choice of parameters means."""
    sections.choice("parameters", which, PARAMETERS)

    def chosen(path: Sequence, _: Any) -> bool:
        names = [key.key for key in path if not re.fullmatch("member[0-9]+", key.key)]
        of = {"weights": True, "first_layer": re.fullmatch(r"\D+1", names[0]), "last_layer": names[0] == "output"}
        return which == "all" or (names[-1] == "kernel" and bool(of[which]))

    def tree_of(params: Any) -> Any:
        tree = jax.tree_util.tree_map_with_path(chosen, params)
        sections.check(any(jax.tree.leaves(tree)), "parameters", which, "a choice that this net has any of")
        return tree

    return tree_of


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

    return optax.masked(optax.GradientTransformation(lambda _: optax.EmptyState(), update), mask(parameters))


def l2(weight: float, parameters: str) -> optax.GradientTransformation:
    """The penalty weight / 2 * sum w^2 on the loss: g <- g + weight * w; weight >= 0."""
    sections.number("weight", weight, "[0, inf)")
    return optax.add_decayed_weights(weight, mask(parameters))


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

    return optax.masked(optax.GradientTransformation(lambda _: optax.EmptyState(), update), mask("weights"))


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

    return optax.masked(optax.GradientTransformation(lambda _: jnp.int32(0), update), mask(parameters))


class AverageState(NamedTuple):
    """The moving average of the parameters after so many updates, int32 ()."""

    updates: jax.Array
    average: Any


def average(share: float, total_steps: int) -> optax.GradientTransformation:
    """Keeps the moving average a <- a + (w - a) / min(t, n) of the updated weights, n = share * total_steps.

    It is the net of a run that has one: evaluated, selected, exported. t: of the update, from 1, so that it is the mean
    of all weights at first. share: in (0, 1], of the run's steps, over about the last of which it averages; two steps
    at least.
    Source: Polyak & Juditsky 1992 ("Acceleration of stochastic approximation by averaging"), exponentially weighted.
    """
    sections.number("share", share, "(0, 1]")
    sections.check(share * total_steps >= 2, "share", share, f"two of the run's {total_steps} steps at least")
    length = share * total_steps

    def update(updates: Any, state: AverageState, params: Any) -> tuple[Any, AverageState]:
        new, count = optax.apply_updates(params, updates), state.updates + 1
        gain = 1 / jnp.minimum(count.astype(jnp.float32), length)
        return updates, AverageState(count, jax.tree.map(lambda a, w: a + gain * (w - a), state.average, new))

    return optax.GradientTransformation(
        lambda params: AverageState(jnp.int32(0), jax.tree.map(jnp.array, params)), update
    )


def averaged(opt_state: Any) -> Any | None:
    """The moving average of the parameters, where the config asks for one."""
    states = jax.tree.leaves(opt_state, is_leaf=lambda state: isinstance(state, AverageState))
    return next((state.average for state in states if isinstance(state, AverageState)), None)


# By where they stand: on the gradients, on the updates, and what only watches them.
BEFORE = {f.__name__: f for f in (clip_norm, clip_value, l1, l2)}
AFTER = {f.__name__: f for f in (beta_lasso, max_norm)}
LAST = {f.__name__: f for f in (average,)}
