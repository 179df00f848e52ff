"""How much of the second source's trouble was the bug?

Source: the 2017 framework, whose flatten layer passed back its output instead of the error: 20 to 40 % right by squared
errors at a rate of 5e-4; 98 %, by softmax at 1e-3, once it was found.
Command: python -m bigdeep.study --study=planted_bug
Cost: 18 runs of about two minutes on one core, all in one process: the layer with the bug is made here.

Its LeNet-5, image by image, one epoch of 50,000; each head and rate with the right layer and with the wrong one.
"""

from collections.abc import Callable

import flax.linen as nn
import jax

from bigdeep import configfile
from bigdeep.models import layers


@jax.custom_vjp
def flatten(x: jax.Array) -> jax.Array:
    """(B, …) -> (B, n), right forward, wrong backward."""
    return x.reshape(len(x), -1)


def forward(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return flatten(x), x


def backward(x: jax.Array, gradient: jax.Array) -> tuple[jax.Array]:
    """What goes out again, instead of the gradient."""
    del gradient
    return (x,)


flatten.defvjp(forward, backward)


class BuggyFlatten(nn.Module):
    """A flatten layer that passes back its output."""

    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        return flatten(x)


def buggy_flatten() -> Callable[..., nn.Module]:
    """The bug of the 2017 framework, as a layer of a stack."""
    return BuggyFlatten


layers.LAYERS["buggy_flatten"] = buggy_flatten


def get_study(smoke: bool) -> dict:
    variations = {}
    heads = {"softmax": (1e-3,)} if smoke else {"squared_error": (5e-4, 1e-3), "softmax": (1e-3,)}
    for head, rates in heads.items():
        base = "lenet5_maxpool:smoke" if smoke else f"lenet5_maxpool:{head}"
        model = configfile.load(base).model.to_dict()
        rest = [dict(name="buggy_flatten") if layer["name"] == "flatten" else layer for layer in model["layers"]]
        for rate in rates:
            right = {"base": base, "schedule.rate": rate}
            name = f"{head.replace('_', ' ')}, rate {rate:g}"
            variations |= {name: right, f"{name}, with the bug": right | {"model": model | {"layers": rest}}}
    return dict(
        question="How much of the second source's trouble was the bug?",
        base="lenet5_maxpool:smoke" if smoke else "lenet5_maxpool",
        overrides={"epochs": 1, "evaluate_epochs": 1} | ({} if smoke else {"data.validation": "last:10000"}),
        variations=variations,
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="softmax, rate 0.001",
        figure=dict(scale="log"),
    )
