"""The wall time of whole training commands, from a warm cache to the end of the process, and the errors they reach.

  python benchmarks/speedrun.py --config=configs/speedrun_45s.py --seeds=0,1,2

Starts `python -m bigdeep.main` anew for each seed in a folder that must not exist yet, after one short call that fills
the cache of compiled programs, and writes a record of each beside its folder: that of the run, with `wall_seconds`
from the start of the process to its end: imports, data, compilation from the cache, training, evaluations, checkpoints.
`python -m bigdeep.tools.publish --add=runs/speedruns/NAME.json --as=seed0` publishes one.
"""

import json
import pathlib
import subprocess
import sys
import time

from absl import flags

from bigdeep import cli
from bigdeep.errors import Failed, require
from bigdeep.run import files
from bigdeep.tools import publish

ROOT = pathlib.Path(__file__).parent.parent


def start(config: str, workdir: pathlib.Path, *options: str) -> float:
    """Seconds that the training command takes; Failed unless it ends well."""
    command = [sys.executable, "-m", "bigdeep.main", f"--config={config}", f"--workdir={workdir}", *options]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command[1:])}: ended with exit code {done.returncode}")
    return time.perf_counter() - began


def main() -> None:
    options = flags.FLAGS
    name = pathlib.Path(options.config).stem
    workdirs = [pathlib.Path(options.runs).absolute() / f"{name}-{seed}" for seed in options.seeds]
    for workdir in workdirs:
        require(not workdir.exists(), "--runs", f"{workdir} already there", "a folder without these runs")
    start(options.config, workdirs[0].with_name(f"{name}-warm"), "--dry_run")
    for seed, workdir in zip(options.seeds, workdirs, strict=True):
        seconds = start(options.config, workdir, f"--config.seed={seed}")
        record = {**publish.run_record(workdir), "kind": "speedrun", "wall_seconds": round(seconds, 2)}
        files.write_json(workdir.with_name(f"{workdir.name}.json"), record)
        percent = 100 * record["test_errors_at_best_validation"] / record["test_total"]
        print(json.dumps({"name": workdir.name, "wall_seconds": record["wall_seconds"], "error_percent": percent}))


if __name__ == "__main__":
    flags.DEFINE_string("config", None, "config file", required=True)
    flags.DEFINE_list("seeds", ["0", "1", "2"], "seeds to run, with commas between them")
    flags.DEFINE_string("runs", "runs/speedruns", "folder for the runs")
    cli.run(main, __doc__)
