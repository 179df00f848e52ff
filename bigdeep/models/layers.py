"""The layers a stack is made of: each a section of a config, with the input's shape to check it against.

Inputs and outputs are (B, H, W, C) or, once flat, (B, N). Every layer is called with (x, train=…). To add one: its
class, a function that checks its section and returns the class with its arguments bound, a line in LAYERS.
"""

import functools
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from bigdeep import sections
from bigdeep.models import directions, pooling, units
from bigdeep.models.convolution import convolution as convolve
from bigdeep.models.convolution import whole_kernel
from bigdeep.models.product import PRECISIONS, product


class Dense(nn.Module):
    """x -> activation(norm(x W + b)), x (B, N); no b where a norm has its own."""

    width: int
    activation: str
    initialiser: str
    norm: str = "none"
    precision: str = "float32"

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        kernel = self.param("kernel", units.INITIALISERS[self.initialiser], (x.shape[-1], self.width))
        a = product(x, kernel, self.precision)
        if self.norm == "none":
            a = a + units.per_map(self.param("bias", units.biases(self.initialiser), (self.width,)), a)
        return units.finish(self, a, self.activation, self.norm, train)


class Convolution(nn.Module):
    """x -> activation(norm(x * kernel + b)), x (B, H, W, C).

    connections: for each output map the input maps it sees; () for all. Only these kernels exist: (K, K, pairs).
    """

    features: int
    kernel: int
    activation: str
    initialiser: str
    norm: str = "none"
    stride: int = 1
    padding: str = "valid"
    connections: Sequence[Sequence[int]] = ()

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        a = convolve(x, self._kernel(x.shape[-1]), self.stride, self.padding)
        if self.norm == "none":
            a = a + units.per_map(self.param("bias", units.biases(self.initialiser), (self.features,)), a)
        return units.finish(self, a, self.activation, self.norm, train)

    def _kernel(self, channels: int) -> jax.Array:
        """(K, K, channels, features), with zeros where a map does not see another."""
        size, draw = (self.kernel, self.kernel), units.INITIALISERS[self.initialiser]
        if not self.connections:
            return self.param("kernel", draw, (*size, channels, self.features))

        def kernels(key: jax.Array) -> jax.Array:
            keys = jax.random.split(key, self.features)
            pairs = zip(keys, self.connections, strict=True)
            return jnp.concatenate([draw(k, (*size, len(seen), self.features))[..., 0] for k, seen in pairs], axis=2)

        return whole_kernel(self.param("kernel", kernels), self.connections, self.features, channels)


class Flatten(nn.Module):
    """(B, H, W, C) -> (B, H W C)."""

    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        return x.reshape(x.shape[0], -1)


class Dropout(nn.Module):
    """While training, x -> x m / (1 - dropout_rate), with m = 0 for a share dropout_rate of the units, 1 else."""

    dropout_rate: float

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        return nn.Dropout(self.dropout_rate, deterministic=not (train and self.has_rng("dropout")))(x)


class RBF(nn.Module):
    """x -> -|x - c|^2 for the code c of each class, fixed: the nearest code has the largest output."""

    codes: tuple[tuple[float, ...], ...]

    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        return -jnp.sum((x[:, None] - jnp.asarray(self.codes, x.dtype)[None]) ** 2, axis=-1)


def flatten() -> Callable[..., nn.Module]:
    """(H, W, C) -> (H W C,)."""
    return Flatten


def dense(
    width: int, activation: str, init: str, shape: Sequence[int], norm: str = "none", precision: str = "float32"
) -> Callable[..., nn.Module]:
    """A fully connected layer.

    width: units, >= 1; norm: "none", "layer" or "batch", before the activation; precision: of its products, see
    bigdeep/models/product.py.
    """
    sections.integer("width", width, "[1, inf)")
    units.check(activation, norm, init)
    sections.choice("precision", precision, PRECISIONS)
    sections.check(len(shape) == 1, "name", f"dense on {tuple(shape)}", 'dict(name="flatten") before it')
    return functools.partial(Dense, width, activation, init, norm, precision)


def convolution(
    features: int,
    kernel: int,
    activation: str,
    init: str,
    shape: Sequence[int],
    norm: str = "none",
    stride: int = 1,
    padding: str = "valid",
    connections: Sequence[Sequence[int]] = (),
) -> Callable[..., nn.Module]:
    """A convolution with kernel x kernel weights; no kernel is flipped.

    features: output maps, >= 1; stride >= 1; padding: "valid", or "same" for a frame of zeros.
    connections: for each output map the input maps it sees, from 0; () for all.
    """
    sections.integer("features", features, "[1, inf)")
    units.check(activation, norm, init)
    sections.choice("padding", padding, ("valid", "same"))
    pooling.check_window("kernel", kernel, shape)
    sections.integer("stride", stride, "[1, inf)")
    sections.sequence("connections", connections, "for each map those it sees, or none")
    if connections:
        sections.check(len(connections) == features, "connections", len(connections), f"{features} rows, one per map")
        for maps in connections:
            sections.sequence("connections", maps, "the maps that a map sees")
            for seen in maps:
                sections.integer("connections", seen, f"[0, {shape[2] - 1}]")
            sections.check(len(set(maps)) == len(maps) > 0, "connections", maps, "different maps")
    table = tuple(tuple(maps) for maps in connections)
    return functools.partial(Convolution, features, kernel, activation, init, norm, stride, padding, table)


def dropout(dropout_rate: float) -> Callable[..., nn.Module]:
    """Dropout. dropout_rate: the share of units that are DROPPED while training, in [0, 1); nothing is at test."""
    sections.number("dropout_rate", dropout_rate, "[0, 1)")
    return functools.partial(Dropout, float(dropout_rate))


def rbf(codes: Sequence[str], shape: Sequence[int], classes: int) -> Callable[..., nn.Module]:
    """Distances to a fixed code of each class, to be trained with the loss "map".

    codes: a string for each class; "#" stands for +1, anything else for -1; as long as the input.
    Source: LeCun et al. 1998, "Gradient-based learning", section II.B, where they are bitmaps of 7 x 12 pixels.
    """
    sections.sequence("codes", codes, "a string for each class")
    sections.check(len(codes) == classes, "codes", len(codes), f"{classes} of them, one per class")
    for code in codes:
        fits = isinstance(code, str) and (len(code),) == tuple(shape)
        sections.check(fits, "codes", code, f"one of as many signs as inputs, {tuple(shape)}")
    return functools.partial(RBF, tuple(tuple(1.0 if sign == "#" else -1.0 for sign in code) for code in codes))


LAYERS: dict[str, Callable] = {
    "directions": directions.directions,
    "flatten": flatten,
    "dense": dense,
    "convolution": convolution,
    "subsampling": pooling.subsampling,
    "max_pool": pooling.max_pool,
    "average_pool": pooling.average_pool,
    "maxout": pooling.maxout,
    "gated": pooling.gated,
    "dropout": dropout,
    "rbf": rbf,
}
