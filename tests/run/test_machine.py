"""What a record says of its origin, and where compiled programs are kept."""

import os
import pathlib
import subprocess

import pytest

from bigdeep import cache
from bigdeep.errors import BadInput
from bigdeep.run import machine


def git(folder: pathlib.Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> pathlib.Path:
    """A repository in which bigdeep lies as in its own checkout."""
    folder = tmp_path / "checkout"
    (folder / "bigdeep" / "run").mkdir(parents=True)
    (folder / "bigdeep" / "run" / "machine.py").write_text("")
    git(tmp_path, "init", str(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "first")
    monkeypatch.setattr(machine, "__file__", str(folder / "bigdeep" / "run" / "machine.py"))
    return folder


def test_the_commit_is_that_of_the_checkout_with_its_changes(checkout):
    clean = machine.git_commit()
    assert len(clean) == 40
    (checkout / "bigdeep" / "run" / "machine.py").write_text("changed")
    assert machine.git_commit() == f"{clean}+changes"


def test_the_repository_of_another_project_is_not_asked(checkout, monkeypatch):
    """bigdeep installed into the environment of a project that is a repository itself."""
    installed = checkout / ".venv" / "lib" / "bigdeep" / "run" / "machine.py"
    monkeypatch.setattr(machine, "__file__", str(installed))
    assert machine.git_commit() == "unknown (bigdeep is installed from a package)"


def test_why_a_commit_is_unknown_is_said(checkout, monkeypatch):
    (checkout / ".git" / "HEAD").write_text("rubbish")
    assert machine.git_commit().startswith("unknown (git: fatal: ")
    monkeypatch.setenv("PATH", "")
    assert machine.git_commit() == "unknown (git: No such file or directory)"


def test_users_without_a_home_keep_compiled_programs_elsewhere(monkeypatch):
    """No HOME and no entry in passwd, as in containers."""

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(pathlib.Path, "home", homeless)
    assert cache.folder("jax").parts[-3].startswith("cache-")


def test_a_backend_that_cannot_be_had_is_one_line(monkeypatch):
    def fail():
        raise RuntimeError("Unable to initialize backend 'tpu'\nmore")

    monkeypatch.setenv("JAX_PLATFORMS", "tpu")
    monkeypatch.setattr(machine.jax, "device_count", fail)
    with pytest.raises(
        BadInput, match=r"JAX_PLATFORMS: found 'tpu' \(Unable to initialize backend 'tpu'\), expected one"
    ):
        machine.device_count()


def test_a_platform_that_is_not_here_is_refused_and_not_replaced():
    machine.prepare("cpu")
    with pytest.raises(BadInput, match=r"--platform: found 'cpu \(cpu\)', expected gpu"):
        machine.prepare("gpu")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", machine.EIGEN_CONVOLUTION),
        ("--xla_a=1", f"--xla_a=1 {machine.EIGEN_CONVOLUTION}"),
        ("--xla_cpu_experimental_ynn_fusion_type=+X", "--xla_cpu_experimental_ynn_fusion_type=+X"),
    ],
)
def test_a_flag_of_xla_is_set_unless_the_user_has(before, after, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", before)
    machine._flag(machine.EIGEN_CONVOLUTION)
    machine._flag(machine.EIGEN_CONVOLUTION)
    assert os.environ["XLA_FLAGS"] == after
