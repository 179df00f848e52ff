r"""Writes down what the first updates do, to be compared with another implementation step by step.

  python -m bigdeep.tools.trace --config=configs/lenet5_maxpool.py --steps=20 --output=trace.npz

In double precision, bfloat16 factors unrounded, on fixed data: the training images in their order, undeformed and
unmixed, batch after batch.
The arrays of the file, for step 0000, 0001, …, all as float64 but the labels:
  STEP/inputs (B, H, W, C) in [-1, 1], STEP/labels (B,), STEP/loss ()
  STEP/weights/LAYER/TENSOR      before the update; those after the last one under one step more
  STEP/activations/LAYER         what the layer returned, (B, …)
  STEP/gradients/LAYER/TENSOR    of the loss
Kernels are (inputs, units) and (K, K, channels, maps), as in Flax; PyTorch has them the other way around.
"""

import functools
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from bigdeep import cli, step
from bigdeep import experiment as experiments
from bigdeep.data import pixels
from bigdeep.learn import mixup
from bigdeep.run import machine
from bigdeep.run.netfile import flat
from bigdeep.tools import double


def records(experiment: experiments.Experiment, state: step.State, steps: int) -> Iterator[dict[str, np.ndarray]]:
    """The arrays of each step, and at last the weights after the last update. state: in double precision."""
    train, key, size = experiment.data.train, experiments.keys(experiment)[1], experiment.config["batch_size"]
    classes = len(experiment.data.dataset.classes)
    bare = {"augment": lambda _, inputs, *__: inputs, "mix": mixup.build(0.0, classes)}
    gradient = functools.partial(
        step.value_and_gradient, apply=experiment.model.apply, per_example=experiment.loss.per_example
    )

    @jax.jit
    def one_step(state: step.State, inputs: jax.Array, labels: jax.Array) -> tuple:
        apply_key = step.keys(key, state.step)[1]
        targets = experiment.loss.targets(inputs, jax.nn.one_hot(labels, classes))
        loss, _, gradients = gradient(state.params, state.model_state, inputs, targets, apply_key)
        layers = experiment.model.layers(state.params, state.model_state, inputs, apply_key)
        new, _ = experiment.one_step(state, (inputs, labels), key, **bare)
        return new, loss, gradients, {layer.name or "net": layer.output for layer in layers}

    for i in range(steps):
        index = np.arange(i * size, (i + 1) * size) % len(train.labels)
        inputs, labels = (
            pixels.to_inputs(jnp.asarray(train.images[index], jnp.float64)),
            jnp.asarray(train.labels[index]),
        )
        new, loss, gradients, activations = one_step(state, inputs, labels)
        trees = {"weights": state.params, "gradients": gradients, "activations": activations}
        yield {"inputs": inputs, "labels": labels, "loss": loss} | flat(trees)
        state = new
    yield flat({"weights": state.params})


def write(experiment: experiments.Experiment, state: step.State, steps: int, path: pathlib.Path) -> None:
    """Writes the records of the first steps to an .npz file."""
    arrays: dict[str, Any] = {}
    for i, record in enumerate(records(experiment, state, steps)):
        arrays |= {f"{i:04d}/{name}": np.asarray(value) for name, value in record.items()}
    np.savez(path, **arrays)


def main() -> None:
    """Writes the file that --output names."""
    path = cli.output("output", ".npz")
    machine.prepare()
    jax.config.update("jax_enable_x64", True)
    write(*double.start(cli.config()), flags.FLAGS.steps, path)


if __name__ == "__main__":
    cli.define_config()
    flags.DEFINE_integer("steps", 20, "updates to write down", lower_bound=1)
    flags.DEFINE_string("output", None, "the file to write, .npz", required=True)
    cli.run(main, __doc__)
