"""Does it pay to train several small nets together, by vmap over their seeds, rather than one after the other?

  python benchmarks/members.py --config=configs/mlp2.py [--members=1,2,4]

Times chunks of steps of one net and of several nets as one program, each with its own weights, order and deformations,
in turn in one process. Prints images/s summed over the members, and their ratio to one net alone: above 1 it pays.
"""

import functools
import statistics
import time

import jax
from absl import flags

from bigdeep import cli, step
from bigdeep import experiment as experiments
from bigdeep.data.resident import resident
from bigdeep.run import layout, machine
from record import define_output, keep


class Together:
    """Chunks of training steps of several members, ready to be timed."""

    def __init__(self, experiment: experiments.Experiment, members: int):
        data, batch_size = layout.on_devices(experiment.data.train), experiment.config["batch_size"]
        keys = jax.random.split(jax.random.key(experiment.config["seed"]), members)
        length = experiment.plan.chunk_length(0)
        self.images = members * length * batch_size

        def steps(state: step.State, key: jax.Array, images: jax.Array, labels: jax.Array) -> tuple:
            batches = resident(images, labels, batch_size, lambda batch: batch)
            return step.train_steps(state, key, length=length, batches=batches, one_step=experiment.one_step)

        init = functools.partial(step.init_state, init=experiment.model.init, tx=experiment.tx)
        together = jax.vmap(steps, in_axes=(0, 0, None, None)) if members > 1 else steps
        self._keys = keys if members > 1 else keys[0]
        self._state = jax.jit(jax.vmap(init) if members > 1 else init)(self._keys)
        self._run = jax.jit(lambda state, keys: together(state, keys, *data), donate_argnums=0)
        self.once()

    def once(self) -> float:
        """Runs one chunk; images per second of all members."""
        start = time.perf_counter()
        self._state, metrics = self._run(self._state, self._keys)
        jax.block_until_ready(metrics)
        return self.images / (time.perf_counter() - start)


def main() -> None:
    machine.prepare()
    options = flags.FLAGS
    experiment = experiments.build(cli.config())
    counts = [int(count) for count in options.members]
    ready = [Together(experiment, count) for count in counts]
    rounds = [[each.once() for each in ready] for _ in range(options.rounds)]
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    rates = [
        {"members": count, "images_per_second": round(rate, 1), "ratio": round(rate / medians[0], 3)}
        for count, rate in zip(counts, medians, strict=True)
    ]
    for rate in rates:
        print("{members:3} members {images_per_second:>10,.0f} images/s  {ratio:.2f}".format(**rate))
    about = {"name": experiment.config["name"], "library": "bigdeep", "batch_size": experiment.config["batch_size"]}
    keep({"benchmark": "members", **about, "rates": rates})


if __name__ == "__main__":
    cli.define_config()
    flags.DEFINE_list("members", ["1", "2", "4"], "numbers of members, the first for comparison")
    flags.DEFINE_integer("rounds", 5, "rounds to take medians over", lower_bound=1)
    define_output()
    cli.run(main, __doc__)
