"""The wheel, in an environment of its own, without the checkout."""

import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from pictures import page
from PIL import Image

from conftest import ROOT

NAMES = ("bigdeep", "configs", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """The folder of scripts of a fresh environment that holds the wheel, and the tested environment's packages."""
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in NAMES:  # what lies about in the checkout shall not get into the wheel
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    shutil.rmtree(source)
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    shutil.rmtree(packages / "bin", ignore_errors=True)
    (packages / "tested.pth").write_text("\n".join(each for each in sys.path if each.endswith("site-packages")) + "\n")
    return environment / "bin"


def run(scripts: pathlib.Path, *arguments: object, cwd: pathlib.Path) -> subprocess.CompletedProcess:
    """The console script's entry point, by the environment's Python, in a folder that is no checkout."""
    code = "import sys; sys.argv[0] = 'bigdeep'; from bigdeep.__main__ import main; main()"
    command = [str(scripts / "python"), "-W", "ignore", "-c", code, *map(str, arguments)]
    environment = {"HOME": str(cwd), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment, timeout=120)


@pytest.mark.slow
def test_the_wheel_trains_and_predicts_without_the_checkout(scripts, digits, tmp_path):
    where = "import bigdeep, pathlib; print(pathlib.Path(bigdeep.__file__).parent)"
    found = subprocess.run([scripts / "python", "-c", where], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert str(scripts.parent) in found.stdout
    assert run(scripts, "--version", cwd=tmp_path).stdout.startswith("bigdeep 0.")
    page(digits.test_images[0, ..., 0]).save(tmp_path / "zero.png")
    done = run(scripts, "predict", "zero.png", cwd=tmp_path)
    assert done.stdout.startswith(f"zero.png: {digits.test_labels[0]} ("), done.stderr
    done = run(scripts, "train", "mlp2:smoke", "--config.epochs=1", cwd=tmp_path)
    assert "test error" in done.stdout, done.stderr
    assert (tmp_path / "runs" / "mlp2-smoke" / "report.html").exists()
    done = run(scripts, "tran", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean 'train'" in done.stderr


@pytest.mark.slow
def test_a_sheet_by_a_config_of_the_package(scripts, tmp_path):
    done = run(scripts, "tools.sheet", "--config=mlp2:smoke", "--output=sheet.png", "--rows=2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert np.asarray(Image.open(tmp_path / "sheet.png")).std() > 10
