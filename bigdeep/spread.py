"""Runs that wait to be done: one after the other here, or each in a process of its own, on this machine or by Slurm."""

import os
import pathlib
import subprocess
import time
from collections.abc import Callable
from typing import NamedTuple

from bigdeep import training
from bigdeep.errors import BadInput, Diverged, Failed, Stopped, first_line, tell
from bigdeep.run import files, machine, record
from bigdeep.run.progress import duration

MINUTES = 24 * 60  # that a job of Slurm's may take


class Planned(NamedTuple):
    """A run of a study: what varies, the seed, its config and its folder."""

    variation: str
    seed: int
    config: dict
    workdir: pathlib.Path


def run_all(runs: list[Planned], train: Callable[[Planned], None]) -> None:
    """Runs what has not ended yet; says how long the rest will take."""
    left = [each for each in runs if not ended(each)]
    began = time.monotonic()
    for i, each in enumerate(left):
        spent = time.monotonic() - began
        about = f", about {duration(spent / i * (len(left) - i))} left for all" if i else ""
        tell(f"bigdeep: run {i + 1} of {len(left)}: {each.variation}, seed {each.seed}{about}")
        train(each)


def train(each: Planned) -> None:
    """One run; where it diverges, that is what is recorded. What fails otherwise is tried again the next time."""
    try:
        training.run(each.config, str(each.workdir))
    except Failed as error:
        tell(f"bigdeep: {each.variation}, seed {each.seed}: {error}")
        if isinstance(error, Diverged):
            files.write_json(each.workdir / "failed.json", {"reason": str(error)})


def over_processes(runs: list[Planned], executor: str, parallel: int, folder: pathlib.Path) -> None:
    """The same by submitit, each run a process of its own: on this machine, or a job array of Slurm's.

    parallel: how many at a time. Jobs that Slurm preempts save, have themselves requeued, and resume.
    """
    try:
        import submitit  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise BadInput("--executor: found no submitit, expected pip install 'bigdeep[study]'") from None
    jobs = submitit.AutoExecutor(folder / "submitit", cluster=executor)
    jobs.update_parameters(
        timeout_min=MINUTES, **({"slurm_array_parallelism": parallel} if executor == "slurm" else {})
    )
    left = [each for each in runs if not ended(each)]
    at_once = parallel if executor == "local" else len(left)
    for start in range(0, len(left), max(at_once, 1)):
        some = left[start : start + at_once]
        tell(f"bigdeep: {len(some)} of {len(left)} runs started, {executor}")
        for i, (each, job) in enumerate(zip(some, jobs.map_array(_alone, some), strict=True)):
            job.wait()
            error = job.exception()
            failed = f": {first_line(error)}; see {job.paths.stderr}" if error else ""
            tell(f"bigdeep: {start + i + 1} of {len(left)} ended, {each.variation}, seed {each.seed}{failed}")


def _alone(each: Planned) -> None:
    """A run in a process of its own. Where a signal stopped it, it ends with 75 and no result; Slurm requeues it."""
    machine.prepare()
    try:
        train(each)
    except Stopped as stopped:
        tell(f"bigdeep: {stopped}")
        if job := os.environ.get("SLURM_JOB_ID"):
            subprocess.run(["scontrol", "requeue", job], check=False)
        raise SystemExit(stopped.exit_code) from None


def ended(each: Planned) -> bool:
    """Whether a run has finished or diverged."""
    return bool(record.read_result(each.workdir)) or (each.workdir / "failed.json").exists()
