"""Predicts a training step on accelerators from published limits: the formula behind docs/scaling.md. Measures nothing.

  python benchmarks/scaling.py --config=configs/mlp5.py
  python benchmarks/scaling.py --config=configs/fractalnet.py:paper --chip="H100 SXM" --batch=100

Of a net with F FLOPs an image forward, F1 of them in its first layer, W weights, U outputs of layers an image and P
pixels, and of a batch of B images on each of n devices:

  FLOPs      B (3 F - F1)                    forward, gradient of the weights, gradient of the inputs but for the first
  bytes      38 W + 32 U B + 64 P B          AdamW's 4 reads and 3 writes, gradient, rounded copies; activations;
                                             deformation
  traffic    2 (n - 1) / n * 4 W             a ring's all-reduce of the gradient in float32
  seconds    max(FLOPs / (COMPUTE peak), bytes / (MEMORY bandwidth)) + traffic / (LINK link) + LAUNCH + HOPS log2(n)

What is in capitals are assumptions, below. An epoch is 60,000 images. Batch norm's statistics, a few kB,
are not counted.
The batch at which a device becomes bound by its compute solves FLOPs / peak = bytes / bandwidth for B.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from absl import flags

from bigdeep import cli, configfile, models, sections
from bigdeep.errors import require

COMPUTE, MEMORY, LINK = 0.5, 0.8, 0.7  # shares of the published limits that are reached
LAUNCH, HOPS = 5e-4, 2e-5  # seconds a step: to start its kernels; for each doubling of the devices
EPOCH = 60_000


class Chip(NamedTuple):
    """Published limits of a chip: dense bfloat16 FLOP/s; bytes/s of its memory, and one way to its neighbours."""

    peak: float
    memory: float
    link: float


# From the makers' data sheets, as of 2026.
CHIPS = {
    "A100 SXM 80 GB": Chip(312e12, 2.04e12, 300e9),
    "H100 SXM": Chip(989e12, 3.35e12, 450e9),
    "H200 SXM": Chip(989e12, 4.8e12, 450e9),
    "B200": Chip(2250e12, 8.0e12, 900e9),
    "TPU v5e": Chip(197e12, 0.819e12, 100e9),
    "TPU v5p": Chip(459e12, 2.765e12, 300e9),
    "TPU v6e": Chip(918e12, 1.64e12, 224e9),
}


class Net(NamedTuple):
    """flops: forward, an image; first: of the first layer; weights; units: outputs of layers an image; pixels."""

    flops: int
    first: int
    weights: int
    units: int
    pixels: int


def net(config: dict) -> Net:
    """Counts a config's net, without computing anything."""
    data = config["data"]
    shape = (data["size"], data["size"], 3 if data["name"] == "cifar10" else 1)
    model, counted = models.build(config["model"], shape, 10), []
    require(model.shares == 1, "--config", "a committee", "a single net")

    def count(key: jax.Array) -> jax.Array:
        params, state = model.init(key)
        for layer in model.layers(params, state, jnp.zeros((1, *shape)), key):
            if "kernel" in layer.params:
                positions = math.prod(layer.output.shape[1:-1])
                counted.append((2 * layer.params["kernel"].size * positions, math.prod(layer.output.shape[1:])))
        counted.append(sum(leaf.size for leaf in jax.tree.leaves(params)))
        return key

    jax.eval_shape(count, jax.random.key(0))
    *layers, weights = counted
    flops, units = (sum(column) for column in zip(*layers, strict=True))
    return Net(flops, layers[0][0], weights, units, math.prod(shape))


def seconds(net: Net, chip: Chip, batch: int, devices: int) -> float:
    """Of one step with `batch` images on each of `devices` chips."""
    flops = batch * (3 * net.flops - net.first)
    moved = 38 * net.weights + (32 * net.units + 64 * net.pixels) * batch
    traffic = 2 * (devices - 1) / devices * 4 * net.weights
    computing = max(flops / (COMPUTE * chip.peak), moved / (MEMORY * chip.memory))
    return computing + traffic / (LINK * chip.link) + LAUNCH + HOPS * math.log2(devices)


def bound(net: Net, chip: Chip) -> float:
    """The batch on one chip from which on it computes longer than it moves bytes; inf where it never does."""
    intensity = chip.peak / chip.memory
    each = (3 * net.flops - net.first) - intensity * (32 * net.units + 64 * net.pixels)
    return intensity * 38 * net.weights / each if each > 0 else math.inf


def main() -> None:
    config = sections.plain(configfile.load(flags.FLAGS.config))
    counted, total = net(config), flags.FLAGS.batch or config["batch_size"]
    print(f"{flags.FLAGS.config}: {counted.weights:,} weights, {3 * counted.flops - counted.first:,} FLOPs an image")
    print(f"gradient {4 * counted.weights / 1e6:.1f} MB; predictions, nothing here is measured\n")
    print(
        "| chip | bound by compute from a batch of | devices | images a device | images/s | 420 epochs | 1,380 epochs |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in flags.FLAGS.chip or CHIPS:
        chip = CHIPS[name]
        for devices in (1, 8, 64, 1024):
            for batch in sorted({max(1, total // devices), flags.FLAGS.large}):
                rate = batch * devices / seconds(counted, chip, batch, devices)
                begins = bound(counted, chip)
                print(
                    f"| {name} | {'never' if begins == math.inf else f'{begins:,.0f}'} | {devices} | {batch:,} |"
                    f" {rate:,.3g} | {duration(420 * EPOCH / rate)} | {duration(1380 * EPOCH / rate)} |".replace(
                        "e+", "e"
                    )
                )


def duration(time: float) -> str:
    return f"{time:.1f} s" if time < 90 else f"{time / 60:.1f} min" if time < 5400 else f"{time / 3600:.1f} h"


if __name__ == "__main__":
    flags.DEFINE_string("config", "configs/mlp5.py", "the config of the net")
    flags.DEFINE_multi_string("chip", [], "which chips; all if not given")
    flags.DEFINE_integer("batch", 0, "images an update over all devices; the config's if not given")
    flags.DEFINE_integer("large", 4096, "images a device, of the other rows")
    cli.run(main, __doc__)
