"""FractalNet: a very deep net without residuals, of columns of different length that join again and again.

Source: Larsson, Maire & Shakhnarovich 2017 (arXiv 1605.07648).
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from bigdeep import sections
from bigdeep.models import layers, pooling, units
from bigdeep.models.deep import check_units, entry, make_unit


class Paths(NamedTuple):
    """Which inputs of a join are alive. column: that one alone, from 1, the longest; 0: all, or what `rate` leaves.

    key, rate: each input is dropped with probability `rate` on its own, but never all of them.
    """

    column: jax.Array
    key: jax.Array
    rate: float

    def weights(self, joined: Sequence[int], join: int) -> jax.Array:
        """What each of the joined columns is multiplied by, summing to 1: the mean of those alive."""
        draw, keep = jax.random.split(jax.random.fold_in(self.key, join))
        alive = jax.random.uniform(draw, (len(joined),)) >= self.rate
        spared = jnp.arange(len(joined)) == jax.random.randint(keep, (), 0, len(joined))
        alive = jnp.where(alive.any(), alive, spared)
        single = jnp.asarray(joined) == self.column
        alive = jnp.where(single.any(), single, alive)
        return alive / alive.sum()


class Unit(nn.Module):
    """x -> activation(norm(dropout(layer(x))))."""

    layer: Callable
    dropout_rate: float
    activation: str
    norm: str

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        drop = nn.Dropout(self.dropout_rate, deterministic=not (train and self.has_rng("dropout")))
        a = drop(self.layer(name="layer")(x, train=train))
        return units.finish(self, a, self.activation, self.norm, train)


class Block(nn.Module):
    """A fractal of `columns` columns; column c has a unit every 2^(c-1) of its 2^(columns-1) rows.

    After each row the columns that end there join in their mean, with which each goes on. It is the rule
    f_1 = unit, f_{C+1} = (f_C o f_C) join unit, where joins that follow each other at once are made one.
    """

    columns: int
    unit: Callable

    @nn.compact
    def __call__(self, x: jax.Array, paths: Paths, *, train: bool) -> jax.Array:
        reached = [x] * self.columns
        for row in range(1, 2 ** (self.columns - 1) + 1):
            joined = [c for c in range(1, self.columns + 1) if row % 2 ** (c - 1) == 0]
            outputs = [self.unit(name=f"column{c}_row{row}")(reached[c - 1], train=train) for c in joined]
            weights = paths.weights(joined, row).astype(x.dtype)
            mean = sum(weight * output for weight, output in zip(weights, outputs, strict=True))
            for c in joined:
                reached[c - 1] = mean
        return reached[0]


class FractalNet(nn.Module):
    """Blocks, each followed by 2x2 max-pooling where they see images, and a linear output.

    While training, a share of the batches sees a single column, drawn anew for each; the others lose inputs of joins.
    """

    first: Callable
    blocks: Sequence[Callable]
    columns: int
    drop_path_rate: float
    global_share: float
    column: int
    output: Callable

    @nn.compact
    def __call__(self, inputs: jax.Array, *, train: bool) -> jax.Array:
        x, column, key, rate = self.first(inputs), jnp.int32(self.column), jax.random.key(0), 0.0
        if train and not self.column and self.has_rng("dropout"):
            key, of_batch, of_column = jax.random.split(self.make_rng("dropout"), 3)
            single = jax.random.uniform(of_batch) < self.global_share
            column = jnp.where(single, jax.random.randint(of_column, (), 1, self.columns + 1), 0)
            rate = self.drop_path_rate
        for b, block in enumerate(self.blocks, start=1):
            paths = Paths(column, jax.random.fold_in(key, b), rate)
            x = block(name=f"block{b}")(x, paths, train=train)
            if x.ndim == 4:
                x = pooling.MaxPool(2, name=f"pool{b}")(x, train=train)
        return self.output(name="output")(layers.Flatten(name="flatten")(x, train=train), train=train)


def drops_paths(section: Mapping) -> bool:
    """Whether batch norm while training measures nets with other paths than the one at test; a column has one path."""
    if section["name"] != "fractalnet" or section["norm"] != "batch" or section["column"] or section["columns"] == 1:
        return False
    return section["drop_path_rate"] > 0 or section["global_share"] > 0


def fractalnet(
    unit: str,
    widths: Sequence[int],
    columns: int,
    dropout_rates: Sequence[float],
    drop_path_rate: float,
    global_share: float,
    column: int,
    activation: str,
    norm: str,
    init: str,
    shape: Sequence[int],
    classes: int,
) -> FractalNet:
    """A FractalNet of len(widths) blocks, B, with `columns` columns, C: B 2^(C-1) layers and the output.

    unit: "dense", or "convolution", 3x3 kernels. widths: units or maps of each block; dropout_rates: the share dropped
    of them while training, of each block. drop_path_rate: of the inputs of a join that are dropped while training.
    global_share: the share of batches that see a single column instead. column: 0 for the whole net, k for its k-th
    column alone, of which 1 is the longest.
    Source: Larsson et al. 2017 (arXiv 1605.07648), sections 2 and 4: 0.15, half of the batches, and dropout of
    0, 0.1, 0.2, 0.3, 0.4.
    """
    check_units(unit, widths, activation, norm, init, shape, pooled_last=True)
    sections.integer("columns", columns, "[1, inf)")
    sections.integer("column", column, f"[0, {columns}]")
    sections.number("drop_path_rate", drop_path_rate, "[0, 1)")
    sections.number("global_share", global_share, "[0, 1]")
    sections.sequence("dropout_rates", dropout_rates, "one per block")
    sections.check(len(dropout_rates) == len(widths), "dropout_rates", dropout_rates, f"{len(widths)}, one per block")
    for rate in dropout_rates:
        sections.number("dropout_rates", rate, "[0, 1)")
    blocks = []
    for width, rate in zip(widths, dropout_rates, strict=True):
        layer = make_unit(unit, width, "linear", "none", init)
        blocks.append(functools.partial(Block, columns, functools.partial(Unit, layer, rate, activation, norm)))
    output = make_unit("dense", classes, "linear", "none", init)
    return FractalNet(entry(unit), blocks, columns, drop_path_rate, global_share, column, output)
