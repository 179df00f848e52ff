r"""Is the backward pass right? Compares it with central differences in double precision, layer by layer.

  python -m bigdeep.tools.gradcheck --config=configs/lenet5.py

For every tensor of weights and the input of every layer: a handful of random positions, the relative error of autodiff
there, once of the layer alone (of a random linear function of its output) and, for weights and the images, once through
the whole net (of the loss). Fix the innermost layer that fails alone: its backward pass does not match its forward
pass. Positions where the net has a kink (a ReLU at 0, two equal maxima) are passed over. Products of factors rounded to
bfloat16 are checked unrounded: rounding has no derivative.
Exit code 0 if all agree, 1 if not.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from bigdeep import cli
from bigdeep import experiment as experiments
from bigdeep.data import pixels
from bigdeep.errors import Failed, require
from bigdeep.run import machine
from bigdeep.step import State
from bigdeep.tools import double

STEP = 1e-5
TOLERANCE = 1e-5
WHOLE = "whole net"


class Check(NamedTuple):
    """One tensor's comparison. layer, kind: where it is; tensor: its name, or "input" for what came in.

    error: the largest relative error; autodiff, difference: the values there; compared, kinks: how many positions were
    compared and passed over.
    """

    layer: str
    kind: str
    tensor: str
    error: float
    autodiff: float
    difference: float
    compared: int
    kinks: int


def compare(function: Callable, tensors: Mapping[str, Any], positions: int, rng: np.random.Generator) -> list[tuple]:
    """The gradient of a scalar function({name: tensor}) against its central differences.

    For each tensor its name and the fields of Check from `error` on.

    The error of a position is |a - d| / max(|a|, |d|, 0.001 of the largest entry of the tensor's gradient), which is
    never taken for less than 1e-4 of the function: below, differences are noise.
    """
    value, gradients = jax.jit(function), jax.jit(jax.grad(function))(tensors)
    middle, checks = float(value(tensors)), []
    for name, tensor in tensors.items():
        gradient = np.asarray(gradients[name]).ravel()
        least = max(1e-3 * np.abs(gradient).max(), 1e-4 * max(1.0, abs(middle)))
        worst, kinks, compared = (0.0, 0.0, 0.0), 0, 0
        for position in rng.permutation(gradient.size)[: 10 * positions]:
            if compared == positions:
                break
            index = np.unravel_index(position, tensor.shape)
            up, down = (float(value({**tensors, name: tensor.at[index].add(h)})) for h in (STEP, -STEP))
            a, d = gradient[position], (up - down) / (2 * STEP)
            bend = abs((up - middle) - (middle - down)) / STEP
            if bend > 1e-3 * max(abs(d), least):
                kinks += 1
                continue
            compared += 1
            error = float(abs(a - d) / max(abs(a), abs(d), least))
            worst = max(worst, (error if math.isfinite(error) else math.inf, float(a), d), key=lambda w: w[0])
        checks.append((name, *worst, compared, kinks))
    return checks


def check_layer(layer: Any, positions: int, rng: np.random.Generator) -> list[Check]:
    """A layer alone (models.anatomy.Layer): its own weights and its inputs, by a random sum of its outputs."""
    direction = jnp.asarray(rng.standard_normal(layer.output.shape))
    weights = {name: value for name, value in layer.params.items() if not isinstance(value, Mapping)}
    real = [i for i, value in enumerate(layer.inputs) if hasattr(value, "dtype") and value.dtype == jnp.float64]
    names = {i: "input" if len(real) == 1 else f"input {i}" for i in real}

    def function(tensors: Mapping[str, jax.Array]) -> jax.Array:
        params = {**layer.params, **{name: tensors[name] for name in weights}}
        inputs = [tensors[names[i]] if i in names else value for i, value in enumerate(layer.inputs)]
        return jnp.sum(direction * layer.run(params, inputs))

    tensors = {**weights, **{names[i]: layer.inputs[i] for i in real}}
    compared = compare(function, tensors, positions, rng)
    return [Check(layer.name or WHOLE, layer.kind, *fields) for fields in compared]


def check_net(
    experiment: experiments.Experiment, state: State, images: int, positions: int
) -> tuple[list[Check], list[Check]]:
    """The comparisons of each layer alone, and those of the loss through the whole net; state in double precision."""
    shares = experiment.model.shares
    enough = images % shares == 0 and images >= 2 * shares
    require(enough, "--images", images, f"a multiple of {shares}, at least two for each of the nets that share them")
    rng, key = np.random.default_rng(experiment.config["seed"]), jax.random.key(experiment.config["seed"])
    params, model_state, train = state.params, state.model_state, experiment.data.train
    inputs = pixels.to_inputs(jnp.asarray(train.images[:images], jnp.float64))
    targets = experiment.loss.targets(
        inputs, jax.nn.one_hot(train.labels[:images], len(experiment.data.dataset.classes))
    )
    layers = experiment.model.layers(params, model_state, inputs, key)
    alone = [check for layer in layers for check in check_layer(layer, positions, rng)]

    flat, structure = jax.tree_util.tree_flatten_with_path(params)
    names = ["/".join(part.key for part in path) for path, _ in flat]

    def loss(tensors: Mapping[str, jax.Array]) -> jax.Array:
        weights = structure.unflatten([tensors[name] for name in names])
        logits = experiment.model.apply(weights, model_state, tensors["input"], key, train=True)[0]
        return experiment.loss.per_example(logits, targets).mean()

    tensors = dict(zip(names, (leaf for _, leaf in flat), strict=True)) | {"input": inputs}
    compared = compare(loss, tensors, positions, rng)
    through = [Check(*_split(name), *rest) for name, *rest in compared]
    return alone, through


def _split(name: str) -> tuple[str, str, str]:
    layer, slash, tensor = name.rpartition("/")
    return (layer, "", tensor) if slash else (WHOLE, "", tensor)


def culprits(alone: Sequence[Check], tolerance: float) -> list[Check]:
    """The comparisons that fail in layers within which no layer fails: where the mistakes are."""
    wrong = [check for check in alone if not check.error <= tolerance]
    names = {check.layer for check in wrong}

    def inside(name: str) -> bool:
        return any(other != name and (name == WHOLE or other.startswith(f"{name}/")) for other in names)

    return [check for check in wrong if not inside(check.layer)]


def table(alone: Sequence[Check], through: Sequence[Check], tolerance: float) -> str:
    """The largest relative errors, a row per tensor, in the order of the net."""
    by_tensor = {(check.layer, check.tensor): check.error for check in through}
    lines = [f"{'layer':<32}{'kind':<14}{'tensor':<10}{'alone':>10}{'through':>10}  kinks"]
    for check in alone:
        whole = by_tensor.get((check.layer, check.tensor))
        errors = f"{check.error:>10.1e}" + (f"{whole:>10.1e}" if whole is not None else " " * 10)
        mark = "  WRONG" if not check.error <= tolerance else "" if check.compared else "  nothing but kinks"
        lines.append(f"{check.layer:<32}{check.kind:<14}{check.tensor:<10}{errors}{check.kinks:>7}{mark}")
    return "\n".join(lines)


def main() -> None:
    """Prints the table; Failed names the layers whose backward pass is wrong."""
    options = flags.FLAGS
    machine.prepare()
    jax.config.update("jax_enable_x64", True)
    experiment, state = double.start(cli.config())
    alone, through = check_net(experiment, state, options.images, options.positions)
    print(table(alone, through, TOLERANCE))
    wrong = culprits(alone, TOLERANCE)
    if wrong:
        values = "{0.layer} ({0.kind}) by its {0.tensor}: {0.autodiff:.3g} instead of {0.difference:.3g}"
        raise Failed(f"gradcheck: the backward pass is wrong in {'; '.join(values.format(check) for check in wrong)}")
    off = [c for c in through if not c.error <= TOLERANCE]
    if off:
        names = ", ".join(f"{c.layer} {c.tensor} ({c.error:.1e})" for c in off)
        raise Failed(f"gradcheck: every layer is right alone, but not through the net: {names}")
    compared = sum(check.compared > 0 for check in alone)
    print(f"{compared} of {len(alone)} tensors compared, all agree with central differences to {TOLERANCE:g}")


if __name__ == "__main__":
    cli.define_config()
    flags.DEFINE_integer("images", 4, "how many training images", lower_bound=2)
    flags.DEFINE_integer("positions", 5, "random positions checked of each tensor", lower_bound=1)
    cli.run(main, __doc__)
