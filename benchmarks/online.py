"""Online training beside the memory's own limit: a batch of one image reads and writes every weight for one update.

  python benchmarks/online.py --config=configs/mlp5_paper.py

An update must read the weights to go forward and again to go backward, and read and write them once more to change
them: four passes over all weights. The limit is two passes of an in-place w <- c w, which reads and writes them once
each, timed in the same process. Prints images/s of the full step (deformation included), the limit, their ratio, and
how long the config's epochs would take at that rate.
"""

import json
import pathlib
import statistics
import time

import jax
import jax.numpy as jnp
from absl import flags

from bigdeep import cli, experiment, program, runtime, writer
from bigdeep.errors import require


def main() -> None:
    runtime.use_compilation_cache()
    config = cli.config()
    require(config.batch_size == 1, "--config.batch_size", config.batch_size, "1, online training")
    built = experiment.build(config)
    data = jax.device_put(built.train, runtime.replicated(runtime.mesh()))
    state, run = program.initial_state(built), program.compiled_steps(built, *data)
    size = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    scaled, weights = jax.jit(lambda w: 0.999 * w, donate_argnums=0), jnp.ones(size)
    length = program.chunk_length(built, 0)
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
    ratio = statistics.median(own / most for own, most in rounds[1:])
    seconds = built.config["epochs"] * len(built.train.labels) / rate
    record = {
        "benchmark": "online",
        "name": built.config["name"],
        "library": "bigdeep",
        "images_per_second": round(rate, 1),
        "limit": round(limit, 1),
        "ratio": round(ratio, 3),
        "gigabytes_per_second": round(limit * 16 * size / 1e9, 1),
        "epochs": built.config["epochs"],
        "projected_hours": round(seconds / 3600, 1),
        "device": runtime.device(),
        "versions": runtime.versions(),
        "git_commit": runtime.git_commit(),
    }
    print(json.dumps(record, indent=2))
    if flags.FLAGS.output:
        writer.write_json(pathlib.Path(flags.FLAGS.output), record)


if __name__ == "__main__":
    cli.define_config()
    flags.DEFINE_integer("rounds", 5, "rounds to take medians over", lower_bound=1)
    flags.DEFINE_string("output", None, "file to keep the record in, below results/benchmarks/")
    cli.run(main, __doc__)
