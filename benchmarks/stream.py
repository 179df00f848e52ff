"""Training sets that stay on the host beside those on the device, and a folder of pictures that is never in memory.

  python benchmarks/stream.py --output=runs/stream.json

First images/s of mlp2's training steps on MNIST, deformations included: the training set on the device, and read by one
and by two workers; they take turns, medians. Then the folder: PNG files of noise, --pictures of --side pixels, in
colour, on which `bigdeep.main` trains a small net with and without workers, in a process of its own: seconds of its
first and second start, images/s, and the most memory it had of its own (RssAnon, of workers too), beside the size of
the pictures.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import jax
import numpy as np
from absl import flags
from PIL import Image

import record
from bigdeep import cli, configfile, programs
from bigdeep import experiment as experiments
from bigdeep.run import machine
from bigdeep.sections import plain

ROUNDS = 3
CHUNKS = 2  # of steps, a turn


def trained(workers: int) -> Callable[[], float]:
    """() -> images/s over some chunks of mlp2's training steps."""
    config = plain(configfile.load("mlp2"))
    config["data"] |= {"workers": workers, "source": "idx"}
    experiment = experiments.build(config)
    steps, length = programs.compiled_steps(experiment), experiment.plan.chunk_length(0)
    held = [jax.block_until_ready(steps(experiments.initial_state(experiment), length=length)[0])]

    def rate() -> float:
        began = time.perf_counter()
        for _ in range(CHUNKS):
            held[0], _ = steps(held[0], length=length)
        jax.block_until_ready(held[0])
        return CHUNKS * length * config["batch_size"] / (time.perf_counter() - began)

    return rate


def turns() -> dict[str, float]:
    """{where the training set lies: images/s}."""
    rates = {"on the device": trained(0), "on the host, 1 worker": trained(1), "on the host, 2 workers": trained(2)}
    found = [{name: rate() for name, rate in rates.items()} for _ in range(ROUNDS)]
    return {name: round(statistics.median(turn[name] for turn in found), 1) for name in rates}


def write_pictures(folder: pathlib.Path, count: int, side: int) -> None:
    """PNG files of smooth noise, ten classes, of which a twentieth to test."""
    rng = np.random.default_rng(0)
    pool = [Image.fromarray(rng.integers(0, 255, (4, 4, 3), np.uint8)).resize((side, side)) for _ in range(1000)]
    for i in range(count):
        place = folder / ("test" if i % 20 == 19 else "train") / f"class{i // 20 % 10}"
        place.mkdir(parents=True, exist_ok=True)
        pool[int(rng.integers(1000))].save(place / f"{i:06}.png", compress_level=1)


def own_memory(pid: int) -> int:
    """kB of a process and its children that are not mapped from files."""
    parents = dict(_parents())
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(_anonymous(each) for each in family)


def _parents() -> Iterator[tuple[int, int]]:
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit():
                yield int(entry), int(pathlib.Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # ended meanwhile
            continue


def _anonymous(pid: int) -> int:
    try:
        lines = pathlib.Path("/proc", str(pid), "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def run(folder: pathlib.Path, workdir: pathlib.Path, workers: int, side: int) -> dict:
    """One whole run on the folder: {seconds to the first step, images/s of the last chunk, megabytes of its own}."""
    options = ["--config=mlp2", "--config.augment=[]", "--config.model.widths=(100, 50)", "--config.epochs=3"]
    options += ["--config.evaluate_epochs=1", "--config.data.name=folder", f"--config.data.dir={folder}"]
    options += [f"--config.data.size={side}", f"--config.data.workers={workers}", "--config.data.validation=last:5000"]
    command = [sys.executable, "-m", "bigdeep.main", *options, f"--workdir={workdir}", "--json"]
    began, first, most = time.monotonic(), 0.0, 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, own_memory(process.pid))
            rows = workdir / "metrics.jsonl"
            if not first and rows.exists() and rows.stat().st_size:
                first = time.monotonic() - began
            time.sleep(0.25)
    with (workdir / "metrics.jsonl").open() as file:
        last = json.loads(file.readlines()[-1])
    found = {"workers": workers, "seconds_to_first_row": round(first, 1), "megabytes": round(most / 1024)}
    return found | {"images_per_second": last["images_per_second"], "returncode": process.returncode}


def main() -> None:
    """Prints, and keeps, what was measured."""
    machine.prepare()
    count, side = flags.FLAGS.pictures, flags.FLAGS.side
    rates = turns()
    with tempfile.TemporaryDirectory() as place:
        folder, root = pathlib.Path(place, "pictures"), pathlib.Path(place)
        os.environ["XDG_CACHE_HOME"] = str(root / "cache")
        write_pictures(folder, count, side)
        runs = [run(folder, root / f"run{i}", workers, side) for i, workers in enumerate((2, 2, 0))]
    about = {"pictures": count, "side": side, "megabytes": round(count * side * side * 3 / 2**20), "runs": runs}
    record.keep({"benchmark": "stream", "dataset": "mnist", "images_per_second": rates, "folder": about})


if __name__ == "__main__":
    flags.DEFINE_integer("pictures", 200_000, "in the folder", lower_bound=400)
    flags.DEFINE_integer("side", 48, "of each, in pixels", lower_bound=8)
    record.define_output()
    cli.run(main, __doc__)
