"""From the command to the first training step, with a cold and a warm compilation cache, and the peak of memory.

  python benchmarks/startup.py [--config=configs/mlp5.py]

Starts the real command in processes of their own, in chunks of one step, and waits for the first row of metrics; then
runs one whole epoch with its evaluation and checkpoint for the peak of resident memory. Prints one JSON line.
"""

import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from absl import flags

from bigdeep import cli
from record import define_output, keep

ROOT = pathlib.Path(__file__).parent.parent


def start(config: str, folder: pathlib.Path, cache: pathlib.Path, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "bigdeep.main", f"--config={config}", f"--workdir={folder}", *options]
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(cache)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def first_step(config: str, folder: pathlib.Path, cache: pathlib.Path) -> float:
    """Seconds from the start of the process to the first row of metrics, of a chunk of one step."""
    began = time.perf_counter()
    process = start(config, folder, cache, "--config.log_steps=1")
    metrics = folder / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size):
        if process.poll() is not None:
            raise SystemExit(f"the run ended with {process.returncode} before its first step")
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    process.kill()
    process.wait()
    return seconds


def main() -> None:
    config = flags.FLAGS.config
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cold = [first_step(config, folder / f"cold{i}", folder / f"cache{i}") for i in range(3)]
        warm = [first_step(config, folder / f"warm{i}", folder / "cache0") for i in range(5)]
        start(config, folder / "epoch", folder / "cache0", "--config.epochs=1").wait()
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    record = {
        "benchmark": "startup",
        "name": pathlib.Path(config).stem,
        "library": "bigdeep",
        "cold_seconds": round(statistics.median(cold), 2),
        "warm_seconds": round(statistics.median(warm), 2),
        "peak_gigabytes": round(peak / 1e9, 2),
    }
    keep(record)


if __name__ == "__main__":
    flags.DEFINE_string("config", "configs/mlp5.py", "config file")
    define_output()
    cli.run(main, __doc__)
