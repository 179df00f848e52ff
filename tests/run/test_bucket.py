"""A run's folder in a bucket: gs://… by gcsfs and tensorstore, which talk to an emulator of Cloud Storage."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from run.test_processes import ended, free_port, started

from bigdeep.errors import BadInput
from bigdeep.place import in_bucket, place, unreached
from conftest import start_bigdeep

OPTIONS = ["--config=mlp2:smoke", "--config.log_steps=11", "--config.augment=()"]


class Bucket:
    """The emulator, by its own HTTP interface, so that what is read is not what bigdeep's path read."""

    def __init__(self, address: str):
        self.address = address
        self.environment = {
            "STORAGE_EMULATOR_HOST": address,
            "TENSORSTORE_GCS_HTTP_URL": address,
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "any",
            "FSSPEC_GCS_TOKEN": "anon",
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # asks for a bucket's kind by gRPC
        }

    def names(self, folder: str) -> list[str]:
        with urllib.request.urlopen(f"{self.address}/storage/v1/b/runs/o?prefix={folder}/") as answer:
            return [item["name"] for item in json.load(answer).get("items", [])]

    def read(self, name: str) -> bytes:
        with urllib.request.urlopen(f"{self.address}/runs/{name}") as answer:
            return answer.read()

    def write(self, name: str, content: bytes) -> None:
        where = f"{self.address}/upload/storage/v1/b/runs/o?uploadType=media&name={urllib.request.quote(name, '')}"
        urllib.request.urlopen(urllib.request.Request(where, content, method="POST")).close()


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    pytest.importorskip("gcsfs")
    pytest.importorskip("gcp_storage_emulator")
    port = free_port()
    command = pathlib.Path(sys.executable).with_name("gcp-storage-emulator")
    options = ["start", "--host=127.0.0.1", f"--port={port}", "--in-memory", "--default-bucket=runs"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([command, *options], **quiet) as emulator:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(urllib.error.URLError):
                Bucket(f"http://127.0.0.1:{port}").names("")
                break
            time.sleep(0.1)
        yield Bucket(f"http://127.0.0.1:{port}")
        emulator.kill()


def finished(bucket: Bucket, *arguments: object) -> tuple[int, str, str]:
    with start_bigdeep(*arguments, **bucket.environment) as process:
        out, err = process.communicate(timeout=180)
    return process.returncode, out, err


def result(bucket: Bucket, folder: str) -> dict:
    return json.loads(bucket.read(f"{folder}/result.json"))


def rows(bucket: Bucket, folder: str) -> bytes:
    """What metrics.jsonl holds, if it is there yet."""
    return bucket.read(f"{folder}/metrics.jsonl") if f"{folder}/metrics.jsonl" in bucket.names(folder) else b""


@pytest.mark.slow
def test_a_run_in_a_bucket_stops_resumes_heals_and_is_read(bucket, tmp_path):
    """The same bits as on a disk, over a signal and a checkpoint in which a bit is not what it was."""
    assert finished(bucket, *OPTIONS, f"--workdir={tmp_path / 'disk'}")[0] == 0
    whole = json.loads((tmp_path / "disk" / "result.json").read_text())
    run = [*OPTIONS, "--workdir=gs://runs/deep/one", "--config.checkpoint_seconds=0."]
    with start_bigdeep(*run, **bucket.environment) as process:
        while process.poll() is None and rows(bucket, "deep/one").count(b"\n") < 3:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=180)
    assert process.returncode == 75, told
    assert "lies in a bucket, which has no locks" in told
    steps = {int(name.split("/")[3]) for name in bucket.names("deep/one/checkpoints")}
    newest = next(n for n in bucket.names(f"deep/one/checkpoints/{max(steps)}/net") if "/d/" in n)
    content = bucket.read(newest)
    bucket.write(newest, content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    bucket.write("deep/one/checkpoints/77/net/manifest.ocdbt", b"a save that was cut short")
    code, _, told = finished(bucket, *run)
    assert code == 0, told
    assert "CHECKPOINT 77" not in told
    assert f"CHECKPOINT {max(steps)} IS DAMAGED" in told
    assert any(name.startswith(f"deep/one/damaged/{max(steps)}/") for name in bucket.names("deep/one"))
    assert result(bucket, "deep/one")["state_sha256"] == whole["state_sha256"]
    left = {name.split("/")[2] for name in bucket.names("deep/one")}
    assert {"config.json", "metrics.jsonl", "predictions.npz", "pictures.npz", "report.html"} < left
    code, out, told = finished(bucket, "bigdeep.evaluate", "--workdir=gs://runs/deep/one")
    assert (code, json.loads(out)["test_errors"]) == (0, whole["test_errors_at_best_validation"]), told
    code, out, told = finished(bucket, "bigdeep.report", "--workdir=gs://runs/deep", f"--output={tmp_path}/all.html")
    assert (code, out.strip()) == (0, f"{tmp_path}/all.html"), told
    assert "one" in (tmp_path / "all.html").read_text()


@pytest.mark.slow
def test_two_processes_train_in_one_bucket(bucket):
    codes, told = ended(started(2, "gs://runs/two", **bucket.environment))
    assert codes == [0, 0], told
    assert result(bucket, "two")["processes"] == 2


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("gs://none-of-this-name/x", "--workdir: found gs://none-of-this-name/x/.lock: could not be written ("),
        ("gs://runs/[x]", "gs://runs/[x]: found 'a pattern', expected a path without any of"),
        ("gs://", "gs://: found 'no bucket', expected gs://BUCKET/FOLDER"),
    ],
)
def test_what_cannot_be_written_to_is_one_line(bucket, folder, message):
    code, _, told = finished(bucket, *OPTIONS, f"--workdir={folder}")
    assert code == 2
    assert told.strip().splitlines()[-1].startswith(f"bigdeep: {message}")


def test_a_bucket_that_cannot_be_reached_is_told_from_all_else():
    aiohttp = pytest.importorskip("aiohttp")
    assert unreached(aiohttp.ClientConnectionError("no network"))
    assert not unreached(OSError("no disk"))


def test_without_gcsfs_a_bucket_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(BadInput, match=r"gs://b/x: found no gcsfs, expected pip install 'bigdeep\[gcs\]'"):
        place("gs://b/x")


def test_a_path_on_a_disk_stays_what_it_is(monkeypatch):
    monkeypatch.setenv("HOME", "/somebody")
    assert place("~/a") == pathlib.Path("/somebody/a")
    assert not in_bucket(place("gs:/a"))
    assert os.fspath(place("runs/a b")) == "runs/a b"
