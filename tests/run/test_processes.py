"""Several processes that train one net: real ones, over loopback, with JAX's distributed runtime and gloo."""

import json
import pathlib
import re
import signal
import socket
import subprocess
import time

import jax
import pytest

from bigdeep.errors import BadInput, Failed
from bigdeep.run import checkpoint, processes
from bigdeep.run.journal import read_rows
from conftest import start_bigdeep

OPTIONS = ["--config=mlp2:smoke", "--config.log_steps=11", "--config.mixup=0", "--config.augment=()"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def started(count: int, workdir: pathlib.Path, *options: str, **environment: str) -> list[subprocess.Popen]:
    port, every = free_port(), [*OPTIONS, f"--workdir={workdir}", *options, f"--num_processes={count}"]
    flags = [f"--coordinator=127.0.0.1:{port}", *every]
    return [start_bigdeep(*flags, f"--process_id={i}", **environment) for i in range(count)]


def ended(peers: list[subprocess.Popen]) -> tuple[list[int], list[str]]:
    told = [peer.communicate(timeout=180)[1] for peer in peers]
    return [peer.returncode for peer in peers], told


@pytest.mark.slow
def test_two_processes_train_as_one_and_stop_and_resume_together(tmp_path):
    """A signal to one of them stops both at the same step, with everything saved; only one writes and shows."""
    alone = started(1, tmp_path / "one")
    assert ended(alone)[0] == [0]
    folder = tmp_path / "two"
    peers = started(2, folder, "--config.checkpoint_seconds=1000.")
    while all(peer.poll() is None for peer in peers) and not read_rows(folder / "metrics.jsonl"):
        time.sleep(0.05)
    peers[1].send_signal(signal.SIGTERM)
    codes, told = ended(peers)
    assert codes == [75, 75], told
    assert "process 1 of 2" in told[1]
    (at,) = {text.split(" at ")[1].split(":")[0] for text in told}
    assert read_rows(folder / "metrics.jsonl")[-1]["step"] == int(at.removeprefix("step "))
    codes, told = ended(started(2, folder, "--config.checkpoint_seconds=1000."))
    assert codes == [0, 0], told
    assert "epoch" in told[0]
    assert "epoch" not in told[1]
    results = [json.loads((tmp_path / name / "result.json").read_text()) for name in ("one", "two")]
    assert [result["processes"] for result in results] == [1, 2]
    losses = [[row["train_loss"] for row in read_rows(tmp_path / name / "metrics.jsonl")] for name in ("one", "two")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)  # sums are taken in another order


@pytest.mark.slow
def test_two_processes_that_read_their_own_rows_end_in_the_bits_of_one(tmp_path):
    """The training set on the host, half of each batch read by each, and on the device of a single process."""
    pytest.importorskip("grain")
    same = "--config.fixed_order_shards=8"
    assert ended(started(1, tmp_path / "one", same))[0] == [0]
    codes, told = ended(started(2, tmp_path / "two", same, "--config.data.workers=1"))
    assert codes == [0, 0], told
    results = [json.loads((tmp_path / name / "result.json").read_text()) for name in ("one", "two")]
    assert results[0]["state_sha256"] == results[1]["state_sha256"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("", 2, 0), "--coordinator: found '', expected HOST:PORT of process 0"),
        (("localhost:1", 0, 0), "--num_processes: found 0"),
        (("localhost:1", 2, 2), "--process_id: found 2, expected one from 0 to 1"),
    ],
)
def test_flags_that_make_no_sense_are_refused(flags, message):
    with pytest.raises(BadInput, match=message):
        processes.start(*flags)


def test_what_a_scheduler_has_started_is_known(monkeypatch):
    for name in ("SLURM_PROCID", "SLURM_STEP_ID", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert processes.scheduled() == 0
    monkeypatch.setenv("SLURM_NTASKS", "4")  # within a batch script, before srun
    assert processes.scheduled() == 0
    monkeypatch.setenv("SLURM_PROCID", "1")
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    assert processes.scheduled() == 4
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "1")
    monkeypatch.delenv("SLURM_NTASKS")
    assert processes.scheduled() == 0


@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.slow
def test_the_death_of_a_peer_ends_the_others_in_one_line(tmp_path, victim):
    """kill -9; what was saved stays. JAX's runtime may abort the survivor before we can, when it misses process 0.

    Within seconds where the two compute; where one waits for the other at a checkpoint, it hears of it by JAX's
    heartbeat, which takes 100 seconds.
    """
    options = ["--config.checkpoint_seconds=0.", "--config.epochs=200"]
    peers = started(2, tmp_path, *options)
    while all(peer.poll() is None for peer in peers) and len(read_rows(tmp_path / "metrics.jsonl")) < 4:
        time.sleep(0.05)
    began = time.monotonic()
    peers[victim].kill()
    codes, told = ended(peers)
    assert time.monotonic() - began < 130
    assert codes[victim] == -signal.SIGKILL
    assert codes[1 - victim] in (1, -signal.SIGABRT), told
    assert "Traceback" not in told[1 - victim]
    if codes[1 - victim] == 1:
        last = told[1 - victim].splitlines()[-1]  # it shows in a sum over processes, or in a checkpoint on its way
        gone = f"process {1 - victim} of 2: another one is gone"
        assert re.search(f"bigdeep: ({gone}|checkpoint: could not be)", last), last
    reached = read_rows(tmp_path / "metrics.jsonl")[-1]["step"]
    assert max(checkpoint.Store(tmp_path / "checkpoints").steps()) <= reached


@pytest.mark.parametrize("error", [jax.errors.JaxRuntimeError("connection reset"), ValueError("Gloo AllGather failed")])
def test_the_failure_of_a_collective_is_one_line(monkeypatch, error):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(Failed, match=r"process 0 of 2: another one is gone"), processes.watched():
        raise error
    with pytest.raises(ValueError, match="a mistake"), processes.watched():
        raise ValueError("a mistake")
