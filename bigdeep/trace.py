r"""Writes down what the first updates do, to be compared with another implementation step by step.

  python -m bigdeep.trace --config=configs/lenet5_maxpool.py --steps=20 --output=trace.npz

In double precision, on fixed data: the training images in their order, undeformed and unmixed, batch after batch.
The arrays of the file, for step 0000, 0001, …, all as float64 but the labels:
  STEP/inputs (B, H, W, C) in [-1, 1], STEP/labels (B,), STEP/loss ()
  STEP/weights/LAYER/TENSOR      before the update; those after the last one under one step more
  STEP/activations/LAYER         what the layer returned, (B, …)
  STEP/gradients/LAYER/TENSOR    of the loss
Kernels are (inputs, units) and (K, K, channels, maps), as in Flax; PyTorch has them the other way around.
"""

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from bigdeep import cli, experiment, mixup, program, runtime, step
from bigdeep.augment import warp


def records(built: experiment.Experiment, steps: int) -> Iterator[dict[str, np.ndarray]]:
    """The arrays of each step, and at last the weights after the last update. Needs jax_enable_x64."""
    double = functools.partial(jax.tree.map, lambda leaf: jnp.asarray(leaf, jnp.float64))
    with jax.enable_x64(False):  # the weights that the run would start with
        state = program.initial_state(built)
    params = double(state.params)
    state = state._replace(params=params, model_state=double(state.model_state), opt_state=built.tx.init(params))
    key, size = program.keys(built)[1], built.config["batch_size"]

    @jax.jit
    def one_step(state: step.State, inputs: jax.Array, labels: jax.Array) -> tuple:
        gradient = functools.partial(step.value_and_gradient, apply=built.model.apply, loss_fn=built.loss)
        apply_key = step.keys(key, state.step)[1]
        loss, _, gradients = gradient(state.params, state.model_state, inputs, labels, apply_key)
        layers = built.model.layers(state.params, state.model_state, inputs, apply_key)
        as_is = {"augment": lambda _, inputs, *__: inputs, "mix": mixup.build(0.0)}
        new, _ = built.one_step(state, (inputs, labels), key, **as_is)
        return new, loss, gradients, {layer.name or "net": layer.output for layer in layers}

    for i in range(steps):
        index = np.arange(i * size, (i + 1) * size) % len(built.train.labels)
        inputs = warp.scale(jnp.asarray(built.train.images[index], jnp.float64))
        labels = jnp.asarray(built.train.labels[index])
        new, loss, gradients, activations = one_step(state, inputs, labels)
        trees = {"weights": state.params, "gradients": gradients, "activations": activations}
        yield {"inputs": inputs, "labels": labels, "loss": loss} | _flat(trees)
        state = new
    yield _flat({"weights": state.params})


def _flat(tree: dict) -> dict[str, jax.Array]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {"/".join(part.key for part in path): leaf for path, leaf in leaves}


def write(built: experiment.Experiment, steps: int, path: str) -> None:
    """Writes the records of the first steps to an .npz file."""
    arrays = {}
    for i, record in enumerate(records(built, steps)):
        arrays |= {f"{i:04d}/{name}": np.asarray(value) for name, value in record.items()}
    np.savez(path, **arrays)


def main() -> None:
    """Writes the file that --output names."""
    path = cli.output("output", ".npz")
    runtime.use_compilation_cache()
    jax.config.update("jax_enable_x64", True)
    write(experiment.build(cli.config()), flags.FLAGS.steps, path)


if __name__ == "__main__":
    cli.define_config()
    flags.DEFINE_integer("steps", 20, "updates to write down", lower_bound=1)
    flags.DEFINE_string("output", None, "the file to write, .npz", required=True)
    cli.run(main, __doc__)
