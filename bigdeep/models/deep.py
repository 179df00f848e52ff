"""Deep nets of one family: plain, highway and residual, of dense or convolutional units; only depth and kind change."""

import functools
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax

from bigdeep import sections
from bigdeep.models import layers, pooling, units

UNITS = ("dense", "convolution")
KINDS = ("plain", "highway", "residual")


def make_unit(unit: str, width: int, activation: str, norm: str, init: str) -> Callable[..., nn.Module]:
    """A dense layer of `width` units or a 3x3 convolution of `width` maps that keeps the size of the images."""
    if unit == "dense":
        return functools.partial(layers.Dense, width, activation, init, norm)
    return functools.partial(layers.Convolution, width, 3, activation, init, norm, padding="same")


def entry(unit: str) -> Callable[[jax.Array], jax.Array]:
    """What images (B, H, W, C) go through before the first unit: flattened to (B, H W C) for dense ones."""
    return (lambda images: images.reshape(images.shape[0], -1)) if unit == "dense" else (lambda images: images)


class Plain(nn.Module):
    """x -> unit(x)."""

    unit: Callable

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        return self.unit(name="unit")(x, train=train)


class Highway(nn.Module):
    """x -> T unit(x) + (1 - T) x, with T = sigmoid(gate(x)), whose biases start at -2: first it carries x through."""

    unit: Callable
    gate: Callable

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        open_ = nn.sigmoid(self.gate(name="gate")(x, train=train) - 2.0)
        return open_ * self.unit(name="unit")(x, train=train) + (1 - open_) * x


class Residual(nn.Module):
    """x -> activation(x + norm(W2 unit(x) + b2)), a block of two layers."""

    unit: Callable
    linear: Callable
    activation: str

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        y = self.linear(name="unit2")(self.unit(name="unit1")(x, train=train), train=train)
        return units.finish(self, x + y, self.activation, "none", train)


class Deep(nn.Module):
    """Stages, each one entry unit, then `blocks` identical blocks; 2x2 max-pooling between them; linear output."""

    first: Callable
    stages: Sequence[tuple[Callable, Callable]]
    blocks: int
    output: Callable

    @nn.compact
    def __call__(self, inputs: jax.Array, *, train: bool) -> jax.Array:
        x = self.first(inputs)
        for s, (first_unit, block) in enumerate(self.stages, start=1):
            x = first_unit(name=f"stage{s}_entry")(x, train=train)
            for b in range(1, self.blocks + 1):
                x = block(name=f"stage{s}_block{b}")(x, train=train)
            if x.ndim == 4 and s < len(self.stages):
                x = pooling.MaxPool(2, name=f"stage{s}_pool")(x, train=train)
        return self.output(name="output")(x.mean((1, 2)) if x.ndim == 4 else x, train=train)


def deep(
    kind: str,
    unit: str,
    depth: int,
    widths: Sequence[int],
    activation: str,
    norm: str,
    init: str,
    shape: Sequence[int],
    classes: int,
) -> Deep:
    """A deep net of `depth` layers of weights: in each stage an entry layer and blocks of the kind, then the output.

    kind: "plain", "highway" (a block is one layer) or "residual" (two layers). unit: "dense", or "convolution", 3x3
    kernels. widths: units or maps of each stage. depth = len(widths) (1 + layers of its blocks) + 1.
    Source: Srivastava et al. 2015 (arXiv 1505.00387); He et al. 2015 (arXiv 1512.03385), both with units of their own.
    """
    sections.choice("kind", kind, KINDS)
    check_units(unit, widths, activation, norm, init, shape, pooled_last=False)
    block_layers = 2 if kind == "residual" else 1
    step, first = len(widths) * block_layers, len(widths) + 1
    possible = f"{first} and any number of times {step} more"
    sections.integer("depth", depth, f"[{first}, inf)")
    sections.check((depth - first) % step == 0, "depth", depth, possible)
    stages = []
    for width in widths:
        layer = functools.partial(make_unit, unit, width, init=init)
        one = layer(activation=activation, norm=norm)
        blocks: dict[str, Callable] = {
            "plain": functools.partial(Plain, one),
            "highway": functools.partial(Highway, one, layer(activation="linear", norm="none")),
            "residual": functools.partial(Residual, one, layer(activation="linear", norm=norm), activation),
        }
        stages.append((one, blocks[kind]))
    output = make_unit("dense", classes, "linear", "none", init)
    return Deep(entry(unit), stages, (depth - first) // step, output)


def check_units(
    unit: str, widths: Sequence, activation: str, norm: str, init: str, shape: Sequence[int], pooled_last: bool
) -> None:
    """Requires a known unit, at least one width, and images that can be halved after each of them (but the last)."""
    sections.choice("unit", unit, UNITS)
    sections.sequence("widths", widths, "at least one")
    sections.check(len(widths) > 0, "widths", widths, "at least one")
    for width in widths:
        sections.integer("widths", width, "[1, inf)")
    units.check(activation, norm, init)
    if unit == "convolution":
        most = min(shape[:2]).bit_length() - pooled_last
        sections.check(
            len(widths) <= most, "widths", widths, f"at most {most} for images {tuple(shape)}, that are halved"
        )
