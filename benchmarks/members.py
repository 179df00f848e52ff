"""Does it pay to train several small nets together, by vmap over their seeds, rather than one after the other?

  python benchmarks/members.py --config=configs/mlp2.py [--members=1,2,4]

Times chunks of steps of one net and of several nets as one program, each with its own weights, order and deformations,
in turn in one process. Prints images/s summed over the members, and their ratio to one net alone: above 1 it pays.
"""

import functools
import json
import pathlib
import statistics
import time

import jax
from absl import flags

from bigdeep import cli, experiment, program, runtime, writer


class Together:
    """Chunks of training steps of several members, ready to be timed."""

    def __init__(self, built: experiment.Experiment, members: int):
        data = jax.device_put(built.train, runtime.replicated(runtime.mesh()))
        keys = jax.random.split(jax.random.key(built.config["seed"]), members)
        self.length = program.chunk_length(built, 0)
        self.images = members * self.length * built.config["batch_size"]
        steps = functools.partial(built.train_steps, length=self.length, shard=lambda batch: batch)
        together = jax.vmap(steps, in_axes=(0, None, None, 0)) if members > 1 else steps
        init = jax.vmap(built.init) if members > 1 else built.init
        self._keys = keys if members > 1 else keys[0]
        self._state = jax.jit(init)(self._keys)
        self._run = jax.jit(lambda state, keys: together(state, *data, keys), donate_argnums=0)
        self.once()

    def once(self) -> float:
        """Runs one chunk; images per second of all members."""
        start = time.perf_counter()
        self._state, metrics = self._run(self._state, self._keys)
        jax.block_until_ready(metrics)
        return self.images / (time.perf_counter() - start)


def main() -> None:
    runtime.use_compilation_cache()
    options = flags.FLAGS
    built = experiment.build(cli.config())
    counts = [int(count) for count in options.members]
    ready = [Together(built, count) for count in counts]
    rounds = [[each.once() for each in ready] for _ in range(options.rounds)]
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    rates = [
        {"members": count, "images_per_second": round(rate, 1), "ratio": round(rate / medians[0], 3)}
        for count, rate in zip(counts, medians, strict=True)
    ]
    record = {"benchmark": "members", "name": built.config["name"], "library": "bigdeep", "rates": rates}
    record |= {"batch_size": built.config["batch_size"], "device": runtime.device(), "versions": runtime.versions()}
    record |= {"git_commit": runtime.git_commit()}
    for rate in rates:
        print("{members:3} members {images_per_second:>10,.0f} images/s  {ratio:.2f}".format(**rate))
    print(json.dumps(record))
    if options.output:
        writer.write_json(pathlib.Path(options.output), record)


if __name__ == "__main__":
    cli.define_config()
    flags.DEFINE_list("members", ["1", "2", "4"], "numbers of members, the first for comparison")
    flags.DEFINE_integer("rounds", 5, "rounds to take medians over", lower_bound=1)
    flags.DEFINE_string("output", None, "file to keep the record in, below results/benchmarks/")
    cli.run(main, __doc__)
