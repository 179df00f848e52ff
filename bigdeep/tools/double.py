"""An experiment in double precision: what gradcheck and trace start from."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from bigdeep import experiment as experiments
from bigdeep import sections
from bigdeep.step import State


def start(config: Mapping) -> tuple[experiments.Experiment, State]:
    """An experiment and the state that its run would start with, in double precision; needs jax_enable_x64.

    Products of factors rounded to bfloat16 are left unrounded: rounding has no derivative.
    """
    experiment = experiments.build(sections.unrounded(sections.plain(config)))
    with jax.enable_x64(False):  # the weights that the run would start with
        single = experiments.initial_state(experiment)
    params, model_state = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), (single.params, single.model_state))
    return experiment, State(jnp.int32(0), params, model_state, experiment.tx.init(params))
