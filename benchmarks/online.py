"""Online training beside the memory's own limit: a batch of one image reads and writes every weight for one update.

  python benchmarks/online.py --config=configs/mlp5_paper.py

An update must read the weights to go forward and again to go backward, and read and write them once more to change
them: four passes over all weights. The limit is two passes of an in-place w <- c w, which reads and writes them once
each, timed in the same process. Prints images/s of the full step (deformation included), the limit, their ratio, and
how long the config's epochs would take at that rate.
"""

import statistics
import time

import jax
import jax.numpy as jnp
from absl import flags

from bigdeep import cli, programs
from bigdeep import experiment as experiments
from bigdeep.errors import require
from bigdeep.run import machine
from record import define_output, keep


def main() -> None:
    machine.prepare()
    config = cli.config()
    require(config.batch_size == 1, "--config.batch_size", config.batch_size, "1, online training")
    experiment = experiments.build(config)
    state, run = experiments.initial_state(experiment), programs.compiled_steps(experiment)
    size = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    scaled, weights = jax.jit(lambda w: 0.999 * w, donate_argnums=0), jnp.ones(size)
    length = experiment.plan.chunk_length(0)
    rounds = []
    for _ in range(1 + flags.FLAGS.rounds):  # the first compiles
        start = time.perf_counter()
        state, metrics = run(state, length=length)
        jax.block_until_ready(metrics)
        step = (time.perf_counter() - start) / length
        start = time.perf_counter()
        for _ in range(20):
            weights = scaled(weights)
        jax.block_until_ready(weights)
        rounds.append((1 / step, 20 / (time.perf_counter() - start) / 2))
    rate, limit = (statistics.median(column) for column in zip(*rounds[1:], strict=True))
    ratio = statistics.median(reached / most for reached, most in rounds[1:])
    seconds = experiment.config["epochs"] * len(experiment.data.train.labels) / rate
    record = {
        "benchmark": "online",
        "name": experiment.config["name"],
        "library": "bigdeep",
        "images_per_second": round(rate, 1),
        "limit": round(limit, 1),
        "ratio": round(ratio, 3),
        "gigabytes_per_second": round(limit * 16 * size / 1e9, 1),
        "epochs": experiment.config["epochs"],
        "projected_hours": round(seconds / 3600, 1),
    }
    keep(record)


if __name__ == "__main__":
    cli.define_config()
    flags.DEFINE_integer("rounds", 5, "rounds to take medians over", lower_bound=1)
    define_output()
    cli.run(main, __doc__)
