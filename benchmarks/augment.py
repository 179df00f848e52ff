"""Images a second of every deformation, beside other libraries and beside what the machine allows.

  python benchmarks/augment.py [--rounds=5 --peers=true --output=runs/augment.json]

A call deforms a whole batch of 480 digits, 28 x 28, another batch and key each call, ten of them; peers the same. All
in turn in one process, medians over --rounds rounds. A table, then one JSON line each.

limit: what the parts of the paper's mixture that cannot be left out reach when they run alone, one after the other:
the random numbers, the two matrix products (their operations at the machine's rate), fetching one word a pixel, and
writing the output. `ratio` is the share of it that is reached. share of a step: of one of configs/mlp5.py's.
"""

import functools
import json
import pathlib
import statistics
import time
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
import peers
from absl import flags

import train_step
from bigdeep import augment, cli, configfile, data
from bigdeep.augment import elastic
from bigdeep.run import machine
from bigdeep.sections import plain
from record import define_output, keep

ROOT = pathlib.Path(__file__).parent.parent
BATCH, BATCHES, SHAPE = 480, 10, (28, 28, 1)
ONES = {  # those that configs/augmentations.py does not have
    "crop": [{"name": "crop", "padding": 4}],
    "cutout": [{"name": "cutout", "length": 8, "value": 127.5}],
    "flip": [{"name": "flip", "probability": 0.5}],
    "sharpen": [{"name": "sharpen", "amount": 1 / 12}],
}


def rate(function: Callable, count: int, least: float = 0.3) -> float:
    """Images a second of a call that does `count` of them, over at least `least` seconds."""
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < least:
        jax.block_until_ready(function())
        calls += 1
    return calls * count / (time.perf_counter() - start)


def ours(sections: list, images: jax.Array, labels: jax.Array) -> Callable:
    """A call that deforms BATCHES batches of different images, (BATCHES, BATCH, H, W, C), one after the other."""
    deform = jax.jit(augment.build(sections, SHAPE, 10))
    batches = list(zip(jax.random.split(jax.random.key(0), BATCHES), images, labels, strict=True))
    jax.block_until_ready(deform(*batches[0]))
    return lambda: [deform(*batch) for batch in batches]


def limit_parts(images: jax.Array) -> tuple[Callable, ...]:
    """Calls for BATCHES batches of: normal numbers, gathered words, written outputs, of the paper's mixture."""
    components, pixels = len(elastic.field_basis(SHAPE[:2], 6.0)), SHAPE[0] * SHAPE[1]
    cells = jnp.zeros((BATCH, 30 * 30), jnp.uint32) + images[:, :1, 0, 0]
    index = jax.random.randint(jax.random.key(0), (BATCH, pixels), 0, 900)
    keys = jax.random.split(jax.random.key(0), BATCHES)

    def normals(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        return elastic.two_normals(key, (BATCH, components))

    def gather(shift: jax.Array) -> jax.Array:
        return jnp.take_along_axis(cells + shift, index, 1, mode="promise_in_bounds").sum()

    def write(shift: jax.Array) -> jax.Array:
        return jnp.full((BATCH, pixels), shift.astype(jnp.float32))

    counts = jnp.arange(BATCHES, dtype=jnp.uint32)
    parts = (
        jax.jit(lambda f=f, xs=xs: jax.lax.map(f, xs)) for f, xs in ((normals, keys), (gather, counts), (write, counts))
    )
    return tuple(parts)


def limit(parts: tuple[Callable, ...]) -> float:
    """Images a second of the parts one after the other."""
    flops = 2 * 2 * (len(elastic.field_basis(SHAPE[:2], 6.0)) + 3) * SHAPE[0] * SHAPE[1]
    seconds = flops / train_step.product_rate() + sum(1 / rate(part, BATCH * BATCHES) for part in parts)
    return 1 / seconds


def peers_of(images: np.ndarray) -> dict[tuple[str, str], Callable]:
    """(deformation, library) -> a call that deforms a batch; a line for each library that is not there."""
    found = {}
    for name, libraries in peers.LIBRARIES.items():
        for library, make in libraries.items():
            try:
                deform = make()
                deform(images)
            except Exception as error:  # a peer may lack a part, or be built for another NumPy
                print(f"{library}: left out of {name}, {type(error).__name__}: {str(error).splitlines()[:1]}")
            else:
                found[name, library] = functools.partial(deform, images)
    return found


def main() -> None:
    machine.prepare()
    dataset = data.load("mnist", "auto", "")
    images = dataset.train_images[: BATCH * BATCHES].reshape(BATCHES, BATCH, *SHAPE)
    labels = dataset.train_labels[: BATCH * BATCHES].reshape(BATCHES, BATCH)
    variants: Mapping = configfile.sibling(str(ROOT / "configs" / "any"), "augmentations").DEFORMATIONS
    sections = {**plain({name: each for name, each in variants.items() if each and name != "cifar"}), **ONES}
    calls = {(name, "bigdeep"): ours(each, jnp.asarray(images), jnp.asarray(labels)) for name, each in sections.items()}
    others = peers_of(images[0]) if flags.FLAGS.peers else {}
    config = plain(configfile.load(str(ROOT / "configs" / "mlp5.py")))
    step, parts = train_step.Steps({**config, "augment": []}), limit_parts(jnp.asarray(images[0]))
    seen: dict = {}
    for _ in range(flags.FLAGS.rounds):
        for key, call in calls.items():
            seen.setdefault(key, []).append(rate(call, BATCH * BATCHES))
        for key, call in others.items():
            seen.setdefault(key, []).append(rate(call, BATCH))
        seen.setdefault("limit", []).append(limit(parts))
        seen.setdefault("step", []).append(step.once())
    medians = {key: statistics.median(values) for key, values in seen.items()}
    report(medians)


def report(medians: Mapping) -> None:
    """The table, the JSON lines, and the record if one is asked for."""
    per_step, most = medians["step"], medians["limit"]
    records = []
    print(f"{'deformation':12} {'library':15} {'images/s':>12} {'share of an mlp5 step':>22}")
    for (name, library), value in ((key, v) for key, v in medians.items() if isinstance(key, tuple)):
        share = round(per_step / (per_step + value), 4)
        print(f"{name:12} {library:15} {value:12,.0f} {100 * share if library == 'bigdeep' else float('nan'):21.1f} %")
        record = {"benchmark": "augment", "name": name, "library": library, "images_per_second": round(value, 1)}
        if library == "bigdeep":
            record["step_share"] = share
        if (name, library) == ("paper", "bigdeep"):
            record |= {"limit": round(most, 1), "ratio": round(value / most, 3)}
        records.append(record)
    fastest = max([v for key, v in medians.items() if key[0] == "paper" and key[1] != "bigdeep"], default=None)
    mixture = medians["paper", "bigdeep"]
    print(f"the paper's mixture: {mixture / most:.2f} of the limit of {most:,.0f} images/s")
    if fastest:
        print(f"the paper's mixture: {mixture / fastest:.0f} x the fastest peer")
    for record in records:
        print(json.dumps(record))
    keep({"benchmark": "augment", "batch_size": BATCH, "rounds": flags.FLAGS.rounds, "rates": records})


if __name__ == "__main__":
    flags.DEFINE_integer("rounds", 5, "rounds to take medians over", lower_bound=1)
    flags.DEFINE_bool("peers", True, "time other libraries too; pip install -e '.[bench]' has them")
    define_output()
    cli.run(main, __doc__)
