"""How close the whole training step comes to what this machine can multiply.

  python benchmarks/train_step.py --config=configs/mlp5.py

Times the chunks of steps that a run of a perceptron consists of (shuffle, deform, forward, backward, update, what each
layer does), chunks without deformation, chunks without the figures of the layers, and plain matrix products, of float32
factors and of bfloat16 ones summed in float32, in turn in one process, and prints a table and one JSON line, with
medians over --rounds rounds.
FLOPs count matrix products only: 2 a weight forward, 4 backward, less 2 for the first layer, whose inputs need no
gradient. So `ratio` is the share of the machine's own limit for float32 that the full step reaches, `ratio_bfloat16`
that of its limit for bfloat16.
"""

import functools
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from bigdeep import cli, programs
from bigdeep import experiment as experiments
from bigdeep.errors import require
from bigdeep.run import machine
from bigdeep.sections import plain
from record import define_output, keep

SIZES = ((1024, 1024, 1024), (2048, 2048, 2048), (4096, 4096, 4096), (480, 2500, 2000), (2500, 480, 2000))


def seconds(function, *arguments) -> float:
    start = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    return time.perf_counter() - start


def product_rate(dtype: str, repeats: int = 5) -> float:
    """The largest rate of a few products of such factors, summed in float32, FLOP/s, each the median of repeats."""
    rates, dot = [], jax.jit(functools.partial(jnp.dot, preferred_element_type=jnp.float32))
    for m, k, n in SIZES:
        a, b = jnp.ones((m, k), dtype), jnp.ones((k, n), dtype)
        jax.block_until_ready(dot(a, b))
        rates.append(2 * m * k * n / statistics.median(seconds(dot, a, b) for _ in range(repeats)))
    return max(rates)


def undiagnosed(one_step: Callable, *arguments) -> tuple:
    """A training step without the figures of the layers, which XLA then leaves out."""
    state, metrics = one_step(*arguments)
    return state, {name: value for name, value in metrics.items() if name != "layers"}


class Steps:
    """Chunks of training steps of a config, ready to be timed."""

    def __init__(self, config: dict, diagnosed: bool = True):
        experiment = experiments.build(config)
        model = config["model"]["name"]
        require(model == "mlp", "config.model.name", model, "mlp, whose FLOPs are known")
        if not diagnosed:
            experiment = experiment._replace(one_step=functools.partial(undiagnosed, experiment.one_step))
        self.state = experiments.initial_state(experiment)
        self.run = programs.compiled_steps(experiment)
        self.length = experiment.plan.chunk_length(0)
        self.images = self.length * config["batch_size"]
        self.inputs = int(np.prod(experiment.data.shape))
        self.once()

    def once(self) -> float:
        """Runs one chunk; images per second."""
        start = time.perf_counter()
        self.state, metrics = self.run(self.state, length=self.length)
        jax.block_until_ready(metrics)
        return self.images / (time.perf_counter() - start)

    def flops_per_image(self) -> int:
        kernels = [leaf for leaf in jax.tree.leaves(self.state.params) if leaf.ndim == 2]
        first = next(leaf for leaf in kernels if leaf.shape[0] == self.inputs)
        return sum(6 * leaf.size for leaf in kernels) - 2 * first.size


def main() -> None:
    machine.prepare()
    options, config = flags.FLAGS, plain(cli.config())
    full = Steps(config)
    still = Steps({**config, "augment": []})
    bare = Steps(config, diagnosed=False)
    rounds = [
        (product_rate("float32"), product_rate("bfloat16"), full.once(), still.once(), bare.once())
        for _ in range(options.rounds)
    ]
    limit, rounded, rate, undeformed, undiagnosed_rate = (statistics.median(c) for c in zip(*rounds, strict=True))
    ratio = statistics.median(full.flops_per_image() * f / p for p, _, f, *_ in rounds)
    ratio_rounded = statistics.median(full.flops_per_image() * f / p for _, p, f, *_ in rounds)
    record = {
        "benchmark": "train_step",
        "name": config["name"],
        "library": "bigdeep",
        "images_per_second": round(rate, 1),
        "images_per_second_undeformed": round(undeformed, 1),
        "flops_per_image": full.flops_per_image(),
        "gflops": round(rate * full.flops_per_image() / 1e9, 1),
        "limit": round(limit / 1e9, 1),
        "ratio": round(ratio, 3),
        "limit_bfloat16": round(rounded / 1e9, 1),
        "ratio_bfloat16": round(ratio_rounded, 3),
        "augment_share": round(1 - rate / undeformed, 3),
        "diagnosis_share": round(1 - rate / undiagnosed_rate, 3),
        "batch_size": config["batch_size"],
    }
    for key, value in record.items():
        print(f"{key:28} {value}")
    keep(record)


if __name__ == "__main__":
    cli.define_config()
    flags.DEFINE_integer("rounds", 5, "rounds to take medians over", lower_bound=1)
    define_output()
    cli.run(main, __doc__)
