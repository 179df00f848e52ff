"""The launch scripts, against stand-ins for Slurm's commands that record how they were called."""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import threading

import kubernetes_validate
import pytest
import yaml

from conftest import ROOT

SCRIPTS = sorted((ROOT / "launch").glob("*.s*"))


@pytest.fixture
def fakes(tmp_path):
    """run(script, *arguments, code=0, **environment) -> (exit code, output, the calls of the stand-ins, sorted)."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("srun", "scontrol", "python", "gcloud", "kubectl"):
        path = folder / name
        lines = [f'echo "{name} $*" >> "{tmp_path}/calls"', f'[ {name} = kubectl ] && cat > "{tmp_path}/applied"']
        lines += ['case "$*" in *bigdeep.main*) exit "$CODE";; *describe*) echo PREEMPTED;; esac', "true"]
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(0o755)

    def run(script: str, *arguments: str, code: int = 0, **environment: str) -> tuple[int, str, list[str]]:
        path = {"PATH": f"{folder}:{os.environ['PATH']}", "CODE": str(code), "TMPDIR": str(tmp_path)}
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
    assert fakes("slurm.sbatch", "--dry_run", "--config=a.py") == (0, command.replace("configs/mlp5", "a") + "\n", [])


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
    assert fakes("local_multiprocess.sh", "--dry_run", "2", "--config=mlp2", PORT="4711")[1].splitlines() == both
    assert fakes("local_multiprocess.sh", "many")[0] == 2


@pytest.mark.slow
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


def gcloud(*words: str) -> str:
    return f"gcloud compute tpus tpu-vm {words[0]} mine --zone=us-central1-a {' '.join(words[1:])}"


def test_a_tpu_vm_is_made_used_and_deleted(fakes, tmp_path):
    make = "mkdir -p bigdeep && tar xzf bigdeep.tar.gz -C bigdeep && cd bigdeep && make .venv/.ready EXTRAS=tpu,gcs"
    train = "cd bigdeep && .venv/bin/python -m bigdeep.main --coordinator=auto --platform=tpu --config=mlp5"
    everywhere = "--worker=all --command="
    calls = {
        "create": [gcloud("create", "--accelerator-type=v5litepod-8 --version=v2-alpha-tpuv5-lite")],
        "copy": [
            f"gcloud compute tpus tpu-vm scp {tmp_path}/bigdeep.tar.gz mine: --zone=us-central1-a --worker=all",
            gcloud("ssh", everywhere + make),
        ],
        "run": [gcloud("ssh", everywhere + train)],
        "fetch": ["gcloud compute tpus tpu-vm scp --recurse mine:bigdeep/runs . --zone=us-central1-a --worker=0"],
        "delete": [gcloud("delete", "--quiet")],
    }
    for command, expected in calls.items():
        flags = ["--config=mlp5"] if command == "run" else []
        assert fakes("tpu_vm.sh", command, *flags, NAME="mine") == (0, "", expected)
        assert fakes("tpu_vm.sh", "--dry_run", command, *flags, NAME="mine")[1].splitlines()[-1] == expected[-1]
    kept = fakes("tpu_vm.sh", "run", "--config=mlp5", NAME="mine", BUCKET="ours")[2]
    assert kept == [gcloud("ssh", everywhere + train.replace("--config", "--workdir=gs://ours/mine --config"))]
    fetched = fakes("tpu_vm.sh", "fetch", NAME="mine", BUCKET="ours")[2]
    assert fetched == ["gcloud storage cp --recursive gs://ours/mine runs/"]
    spot = fakes("tpu_vm.sh", "create", NAME="mine", SPOT="1")[2]
    assert spot == [calls["create"][0] + " --spot"]
    assert fakes("tpu_vm.sh", "rest")[0] == 2


def test_a_tpu_vm_gets_the_checkout_while_others_work_in_it(fakes, tmp_path):
    """Caches come and go in it, and tar is shown files only: no folder "changed as we read it"."""
    script = (ROOT / "launch" / "tpu_vm.sh").read_text()
    checkout = tmp_path / "checkout"
    for name in (
        "launch/tpu_vm.sh",
        "bigdeep/main.py",
        "bigdeep/runs/a",
        "runs/b",
        ".venv/c",
        ".git/d",
        "x y/__pycache__/e",
    ):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(script)
    ends = threading.Event()

    def caches():
        while not ends.is_set():
            (checkout / "bigdeep" / "__pycache__").mkdir()
            (checkout / "bigdeep" / "__pycache__").rmdir()

    others = threading.Thread(target=caches)
    others.start()
    try:
        codes = [fakes(str(checkout / "launch" / "tpu_vm.sh"), "copy", NAME="mine")[0] for _ in range(20)]
    finally:
        ends.set()
        others.join()
    assert codes == [0] * 20
    with tarfile.open(tmp_path / "bigdeep.tar.gz") as packed:
        assert sorted(packed.getnames()) == ["./bigdeep/main.py", "./bigdeep/runs/a", "./launch/tpu_vm.sh"]


def test_a_babysitter_makes_a_preempted_vm_anew_but_not_for_bad_input(fakes, tmp_path):
    """The first run is preempted: the stand-in ends it with 75, and lets the second end well."""
    stand_in = tmp_path / "bin" / "gcloud"
    once = f'case "$*" in *bigdeep.main*) [ -e {tmp_path}/once ] && CODE=0; touch {tmp_path}/once;; esac'
    stand_in.write_text(stand_in.read_text().replace("#!/bin/sh", f"#!/bin/sh\n{once}"))
    environment = {"NAME": "mine", "BUCKET": "mine", "AGAIN": "0"}
    code, _, calls = fakes("tpu_vm.sh", "babysit", "--config=mlp5", code=75, **environment)
    kinds = [
        next(word for word in ("create", "bigdeep.main", "delete", "storage", "") if word in call) for call in calls
    ]
    assert code == 0
    assert [kinds.count(word) for word in ("create", "bigdeep.main", "delete", "storage")] == [2, 2, 2, 1]
    (tmp_path / "once").unlink()
    stand_in.write_text(stand_in.read_text().replace(once, ""))
    code, _, calls = fakes("tpu_vm.sh", "babysit", "--config=none", code=2, **environment)
    assert (code, sum("bigdeep.main" in call for call in calls)) == (2, 1)
    assert fakes("tpu_vm.sh", "babysit", "--config=mlp5")[0] == 2


@pytest.mark.parametrize(("kind", "resource"), [("tpu", "google.com/tpu"), ("gpu", "nvidia.com/gpu")])
def test_a_jobset_is_one_that_kubernetes_takes(fakes, tmp_path, kind, resource):
    """Its job against Kubernetes' own schema, which kubernetes_validate carries; JobSet's is in no package."""
    flags = ["--config=mlp5", "--config.regularisers=[dict(name='clip_norm', limit=1.0)]", '--config.name="<a>"']
    environment = {"IMAGE": "registry/bigdeep", "HOSTS": "2", "NAME": "mine"}
    assert fakes("gke.sh", kind, *flags, **environment)[::2] == (0, ["kubectl apply --filename=-"])
    applied = yaml.safe_load((tmp_path / "applied").read_text())
    assert yaml.safe_load(fakes("gke.sh", "--dry_run", kind, *flags, **environment)[1]) == applied
    (rule,) = applied["spec"]["failurePolicy"]["rules"]  # what fails the job by its own policy is bad input
    assert (rule["action"], rule["onJobFailureReasons"]) == ("FailJobSet", ["PodFailurePolicy"])
    (hosts,) = applied["spec"]["replicatedJobs"]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "mine"}, "spec": hosts["template"]["spec"]}
    kubernetes_validate.validate(job, "1.31", strict=True)
    assert hosts["template"]["spec"]["completions"] == 2
    (container,) = hosts["template"]["spec"]["template"]["spec"]["containers"]
    processes = ["--coordinator=mine-hosts-0-0.mine:12345", "--num_processes=2", "--process_id=$(JOB_COMPLETION_INDEX)"]
    assert container["args"] == [f"--platform={kind}", *flags, *processes]
    assert list(container["resources"]["limits"]) == [resource]
    assert fakes("gke.sh", kind, *flags)[0] == 2  # no image


def test_skypilot_gets_a_task_whose_script_is_sound(tmp_path):
    task = yaml.safe_load((ROOT / "launch" / "skypilot.yaml").read_text())
    assert {"resources", "setup", "run", "file_mounts"} <= set(task)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    ranks = {"SKYPILOT_NUM_NODES": "2", "SKYPILOT_NODE_IPS": "10.0.0.1\n10.0.0.2", "SKYPILOT_NODE_RANK": "1"}
    environment = {**os.environ, **task["envs"], **ranks, "SKYPILOT_TASK_ID": "t"}
    said = subprocess.run(["bash", "-c", task["run"]], cwd=tmp_path, env=environment, capture_output=True, text=True)
    processes = "--coordinator=10.0.0.1:12345 --num_processes=2 --process_id=1"
    assert said.stdout == f"-m bigdeep.main --platform=gpu --config=configs/mlp5.py {processes} --workdir=/runs/t\n"


def test_the_container_copies_files_that_are_there():
    lines = (ROOT / "launch" / "Containerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    assert copied
    assert all((ROOT / name).exists() for name in copied)
