"""Slurm for real, on one machine: a job is preempted, saves, is requeued, and ends in the same bits."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

from bigdeep.run.journal import read_rows
from conftest import ROOT, run_bigdeep

FLAGS = ["--json", "--config=mlp2:smoke", "--config.epochs=60", "--config.log_steps=11"]


@pytest.fixture
def slurm(tmp_path):
    """run(command, *arguments) -> what it printed, on a Slurm that is there for this test."""
    if not all(map(shutil.which, ("slurmctld", "slurmd", "munged"))) or os.geteuid() != 0:
        pytest.skip("needs root and Debian's slurm-wlm and munge")
    folder = tmp_path / "slurm"
    script = str(ROOT / "tests" / "launch" / "one_node_slurm.sh")
    subprocess.run([script, "up", str(folder)], check=True, timeout=60)
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PYTHON": sys.executable}

    def run(*command: str) -> str:
        return subprocess.run(
            command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    run.environment = environment
    yield run
    subprocess.run([script, "down", str(folder)], check=True, timeout=60)


def until(said, seconds: float, what: str) -> None:
    """Waits for said() to be true."""
    end = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def state(slurm, job: str) -> str:
    fields = slurm("scontrol", "show", "job", job).split()
    return next(field.partition("=")[2] for field in fields if field.startswith("JobState="))


@pytest.mark.slow
def test_a_preempted_job_saves_is_requeued_and_ends_in_the_same_bits(slurm, tmp_path):
    folder, log = tmp_path / "run", tmp_path / "log"
    options = ["--parsable", "--partition=low", "--signal=TERM@20", f"--output={log}"]
    job = slurm("sbatch", *options, "launch/slurm.sbatch", *FLAGS, f"--workdir={folder}").strip()
    until(lambda: read_rows(folder / "metrics.jsonl"), 90, f"{job} does not train: {text(log)}")
    urgent = slurm("sbatch", "--parsable", "--partition=high", "--cpus-per-task=2", "--wrap=sleep 1").strip()
    until(lambda: state(slurm, urgent) == "COMPLETED", 90, "the urgent job does not run")
    until(lambda: state(slurm, job) == "PENDING", 60, f"{job} is not requeued: {text(log)}")
    assert "everything is saved" in text(log)
    assert not (folder / "result.json").exists()
    slurm("scontrol", "update", f"JobId={job}", "StartTime=now")  # Slurm itself waits two minutes
    until(lambda: state(slurm, job) in ("COMPLETED", "FAILED"), 240, f"{job} does not end: {text(log)}")
    assert state(slurm, job) == "COMPLETED", text(log)
    undisturbed = json.loads(run_bigdeep(*FLAGS, f"--workdir={tmp_path / 'whole'}").stdout)
    assert json.loads((folder / "result.json").read_text())["state_sha256"] == undisturbed["state_sha256"]


STUDY = """
def get_study(smoke):
    return dict(
        question="Does it go on?", base="mlp2:smoke", overrides={"epochs": 60, "log_steps": 11},
        variations={"one": {}, "other": {"schedule.rate": 4e-3}},
        seeds=1, measure="validation_errors_final", baseline="one", figure={})
"""


@pytest.mark.slow
def test_a_study_is_a_job_array_whose_jobs_go_on_after_a_preemption(slurm, tmp_path):
    pytest.importorskip("submitit")
    (tmp_path / "tiny.py").write_text(STUDY)
    runs = tmp_path / "runs"
    command = [sys.executable, "-m", "bigdeep.study", f"--study={tmp_path / 'tiny.py'}", "--executor=slurm"]
    with (tmp_path / "said").open("w") as said:
        study = subprocess.Popen(
            [*command, "--parallel=1", f"--folder={runs}"], cwd=ROOT, env=slurm.environment, stdout=said, stderr=said
        )
        first = runs / "tiny" / "one" / "seed0"
        until(lambda: read_rows(first / "metrics.jsonl"), 90, "no job trains")
        urgent = slurm("sbatch", "--parsable", "--partition=high", "--cpus-per-task=2", "--wrap=sleep 1").strip()
        until(lambda: state(slurm, urgent) == "COMPLETED", 90, "the urgent job does not run")
        assert not (first / "result.json").exists()
        job = next((runs / "tiny" / "submitit").glob("*_0_*log.out")).name.partition("_")[0]
        until(lambda: state(slurm, f"{job}_0") == "PENDING", 60, "not requeued")
        slurm("scontrol", "update", f"JobId={job}_0", "StartTime=now")
        study.wait(300)
    assert study.returncode == 0, text(tmp_path / "said")
    assert "2 of 2 runs" in text(tmp_path / "said")
    undisturbed = json.loads(run_bigdeep(*FLAGS, f"--workdir={tmp_path / 'whole'}").stdout)
    assert json.loads((first / "result.json").read_text())["state_sha256"] == undisturbed["state_sha256"]


def text(path: pathlib.Path) -> str:
    return path.read_text() if path.exists() else ""
