"""The launch scripts, against stand-ins for Slurm's commands that record how they were called."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT

SCRIPTS = sorted((ROOT / "launch").glob("*.s*"))


@pytest.fixture
def fakes(tmp_path):
    """run(script, *arguments, code=0, **environment) -> (exit code, output, the calls of srun, scontrol and python)."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("srun", "scontrol", "python"):
        path = folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/calls"\n[ {name} = scontrol ] || exit "$CODE"\n')
        path.chmod(0o755)

    def run(script: str, *arguments: str, code: int = 0, **environment: str) -> tuple[int, str, list[str]]:
        path = {"PATH": f"{folder}:{os.environ['PATH']}", "CODE": str(code)}
        command = ["bash", str(ROOT / "launch" / script), *arguments]
        options = {"cwd": tmp_path, "env": {**os.environ, **path, **environment}, "text": True, "timeout": 60}
        done = subprocess.run(command, check=False, capture_output=True, **options)
        calls = tmp_path / "calls"
        lines = sorted(calls.read_text().splitlines()) if calls.exists() else []
        calls.unlink(missing_ok=True)
        return done.returncode, done.stdout, lines

    return run


def test_slurm_runs_the_command_and_requeues_what_was_stopped_and_saved(fakes):
    command = "srun --kill-on-bad-exit=0 python -m bigdeep.main --config=configs/mlp5.py"
    assert fakes("slurm.sbatch", "--config=configs/mlp5.py") == (0, "", [command])
    code, _, calls = fakes("slurm.sbatch", "--config=configs/mlp5.py", code=75, SLURM_JOB_ID="17")
    assert (code, calls) == (75, ["scontrol requeue 17", command])
    assert fakes("slurm.sbatch", "--config=configs/mlp5.py", code=1)[::2] == (1, [command])
    assert fakes("slurm.sbatch", "--dry-run", "--config=a.py") == (0, command.replace("configs/mlp5", "a") + "\n", [])


def test_an_array_is_a_seed_each(fakes):
    environment = {"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_JOB_ID": "9"}
    flags = "--config=configs/lenet5.py:softmax --config.seed=2 --workdir=runs/lenet5-seed2"
    code, _, calls = fakes("slurm_array.sbatch", "--config=configs/lenet5.py:softmax", code=75, **environment)
    assert (code, calls) == (75, ["scontrol requeue 9_2", f"srun python -m bigdeep.main {flags}"])
    assert fakes("slurm_array.sbatch", "--config=mlp5")[0] != 0  # not started as an array


def test_local_processes_know_each_other(fakes):
    code, _, calls = fakes("local_multiprocess.sh", "2", "--config=mlp2", PORT="4711")
    both = [f"python -m bigdeep.main --config=mlp2 --coordinator=127.0.0.1:4711 --num_processes=2 --process_id={i}"
            for i in range(2)]  # fmt: skip
    assert (code, calls) == (0, both)
    assert fakes("local_multiprocess.sh", "2", "--config=mlp2", code=75)[0] == 75
    assert fakes("local_multiprocess.sh", "--dry-run", "2", "--config=mlp2", PORT="4711")[1].splitlines() == both
    assert fakes("local_multiprocess.sh", "many")[0] == 2


def test_local_processes_train_for_real(tmp_path):
    """Two of them, one step each: the script's own environment finds `python`."""
    flags = ["--config=configs/mlp2.py:smoke", "--config.epochs=1", "--config.mixup=0", "--config.augment=()"]
    environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [str(ROOT / "launch" / "local_multiprocess.sh"), "2", *flags, f"--workdir={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert '"processes": 2' in (tmp_path / "result.json").read_text()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(path):
    if not shutil.which("shellcheck"):
        pytest.skip("needs shellcheck")
    subprocess.run(["shellcheck", str(path)], check=True)
