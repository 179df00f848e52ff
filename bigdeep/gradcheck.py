r"""Is the backward pass right? Compares it with central differences in double precision, layer by layer.

  python -m bigdeep.gradcheck --config=configs/lenet5.py

For every tensor of weights and the input of every layer: a handful of random positions, the relative error of autodiff
there, once of the layer alone (of a random linear function of its output) and, for weights and the images, once through
the whole net (of the loss). A layer whose own error is too large while those of the layers within it are not is the one
to mend: its backward pass is not that of its forward pass. Positions where the net has a kink (a ReLU at 0, two equal
maxima) are passed over. Products of factors rounded to bfloat16 are checked unrounded: rounding has no derivative.
Exit code 0 if all agree, 1 if not.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from bigdeep import cli, experiment, program, runtime
from bigdeep.augment import warp
from bigdeep.config import plain
from bigdeep.errors import Failed

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
    """The gradient of a scalar function({name: tensor}) against its central differences: (name, *of Check) a tensor.

    The error of a position is |a - d| / max(|a|, |d|, 0.001 of the largest entry of the tensor's gradient), which is
    never taken for less than 1e-4 of the function: below, differences are noise.
    """
    value, gradients = jax.jit(function), jax.jit(jax.grad(function))(tensors)
    middle, found = float(value(tensors)), []
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
        found.append((name, *worst, compared, kinks))
    return found


def of_layer(layer: Any, positions: int, rng: np.random.Generator) -> list[Check]:
    """A layer alone (models.anatomy.Layer): its own weights and its inputs, by a random sum of its outputs."""
    along = jnp.asarray(rng.standard_normal(layer.output.shape))
    own = {name: value for name, value in layer.params.items() if not isinstance(value, Mapping)}
    real = [i for i, value in enumerate(layer.inputs) if hasattr(value, "dtype") and value.dtype == jnp.float64]
    names = {i: "input" if len(real) == 1 else f"input {i}" for i in real}

    def function(tensors: Mapping[str, jax.Array]) -> jax.Array:
        params = {**layer.params, **{name: tensors[name] for name in own}}
        inputs = [tensors[names[i]] if i in names else value for i, value in enumerate(layer.inputs)]
        return jnp.sum(along * layer.run(params, inputs))

    tensors = {**own, **{names[i]: layer.inputs[i] for i in real}}
    compared = compare(function, tensors, positions, rng)
    return [Check(layer.name or WHOLE, layer.kind, *of) for of in compared]


def of_net(built: experiment.Experiment, images: int, positions: int) -> tuple[list[Check], list[Check]]:
    """The comparisons of each layer alone, and those of the loss through the whole net. In double precision."""
    rng = np.random.default_rng(built.config["seed"])
    double = functools.partial(jax.tree.map, lambda leaf: jnp.asarray(leaf, jnp.float64))
    with jax.enable_x64(False):  # the weights that the run would start with
        state = program.initial_state(built)
    params, model_state = double(state.params), double(state.model_state)
    inputs = warp.scale(jnp.asarray(built.train.images[:images], jnp.float64))
    labels, key = jnp.asarray(built.train.labels[:images]), jax.random.key(built.config["seed"])
    layers = built.model.layers(params, model_state, inputs, key)
    alone = [check for layer in layers for check in of_layer(layer, positions, rng)]

    flat, structure = jax.tree_util.tree_flatten_with_path(params)
    names = ["/".join(part.key for part in path) for path, _ in flat]

    def loss(tensors: Mapping[str, jax.Array]) -> jax.Array:
        own = structure.unflatten([tensors[name] for name in names])
        logits = built.model.apply(own, model_state, tensors["input"], key, train=True)[0]
        return built.loss(logits, labels, inputs).mean()  # a teacher's view of the inputs is no part of the gradient

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
    """The largest relative errors, a row a tensor, in the order of the net."""
    by_tensor = {(check.layer, check.tensor): check.error for check in through}
    lines = [f"{'layer':<32}{'kind':<14}{'tensor':<10}{'alone':>10}{'through':>10}  kinks"]
    for check in alone:
        whole = by_tensor.get((check.layer, check.tensor))
        errors = f"{check.error:>10.1e}" + (f"{whole:>10.1e}" if whole is not None else " " * 10)
        mark = "  WRONG" if not check.error <= tolerance else "" if check.compared else "  nothing but kinks"
        lines.append(f"{check.layer:<32}{check.kind:<14}{check.tensor:<10}{errors}{check.kinks:>7}{mark}")
    return "\n".join(lines)


def unrounded(value: Any) -> Any:
    """A config with all its products in single precision, which double precision then takes the place of."""
    if isinstance(value, Mapping):
        return {key: "float32" if key == "precision" else unrounded(item) for key, item in value.items()}
    return [unrounded(item) for item in value] if isinstance(value, list) else value


def main() -> None:
    """Prints the table; Failed names the layers whose backward pass is wrong."""
    options = flags.FLAGS
    runtime.use_compilation_cache()
    jax.config.update("jax_enable_x64", True)
    alone, through = of_net(experiment.build(unrounded(plain(cli.config()))), options.images, options.positions)
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
