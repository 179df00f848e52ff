"""bigdeep from Python."""

import concurrent.futures
import subprocess
import sys

import jax
import numpy as np
import pytest

import bigdeep
from bigdeep.errors import BadInput
from bigdeep.run import folder
from conftest import ROOT


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return bigdeep.train(bigdeep.config("mlp2:smoke", epochs=2), tmp_path_factory.mktemp("run") / "net")


def test_importing_it_imports_nothing_else():
    code = "import sys, time; t = time.perf_counter(); import bigdeep; t = time.perf_counter() - t; "
    code += "assert not {'jax', 'numpy', 'absl', 'jinja2'} & set(sys.modules); assert dir(bigdeep); assert t < 0.1, t"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=ROOT)


@pytest.mark.slow
def test_commands_import_no_library_that_only_some_runs_need():
    code = "import sys, bigdeep.main; lost = {'matplotlib', 'jinja2', 'tensorboardX', 'selenium', 'onnx'}"
    subprocess.run([sys.executable, "-c", f"{code}; assert not lost & set(sys.modules)"], check=True, cwd=ROOT)
    code = "import sys, bigdeep.predict; assert 'orbax.checkpoint' not in sys.modules"  # nets in files have no need
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_configs_take_other_values():
    config = bigdeep.config("mlp3", epochs=5, mixup=0, augment=[])
    assert (config.epochs, config.mixup, config.augment, config.name) == (5, 0.0, [], "mlp3")
    config.schedule.rate = 1e-3
    with pytest.raises(BadInput, match="did you mean 'epochs'"):
        bigdeep.config("mlp3", epoch=5)
    with pytest.raises(BadInput, match="did you mean 'mlp3'"):
        bigdeep.config("mlp33")


@pytest.mark.slow
def test_a_run_has_its_net_errors_rows_and_result(run, digits):
    errors = run.errors()
    wrong = np.asarray(run.net(digits.test_images).argmax(axis=1)) != digits.test_labels
    assert errors["test_errors"] == wrong.sum() > 0
    assert errors["test_total"] == 1000
    assert run.rows[-1]["test_errors"] >= 0
    assert run.result["config"] == run.config["name"] == "mlp2:smoke"
    assert "net" in repr(run)


def test_a_finished_run_is_given_back_and_rows_are_told(run, tmp_path):
    told = []
    again = bigdeep.train(bigdeep.config("mlp2:smoke", epochs=2), run.workdir, on_row=told.append)
    assert (again.result, told) == (run.result, [])
    bigdeep.train(bigdeep.config("mlp2:smoke", epochs=1), tmp_path, on_row=told.append)
    assert [row["step"] for row in told] == [33]
    assert bigdeep.Run(tmp_path).rows == told


def test_training_in_a_thread(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        trained = pool.submit(bigdeep.train, bigdeep.config("mlp2:smoke", epochs=1), tmp_path).result()
    assert trained.errors()["test_total"] == 1000


def test_nets_take_images_with_and_without_channels_and_jax_arrays(run, digits):
    images = digits.test_images[:7]
    scores = run.net(images)
    assert isinstance(scores, jax.Array)
    np.testing.assert_allclose(np.asarray(scores).sum(axis=1), 1, rtol=1e-5)
    assert np.array_equal(scores, run.net(jax.numpy.asarray(images[..., 0])))
    hot = np.exp(np.asarray(run.net.logits(images), np.float64) / folder.net(run.workdir).temperature)
    np.testing.assert_allclose(scores, hot / hot.sum(axis=1, keepdims=True), rtol=1e-4)
    large, coloured = np.zeros((2, 40, 40), np.uint8), np.zeros((2, 28, 28, 3), np.uint8)
    for bad in (images / 255, images[0], images[0, ..., 0], large, coloured, images[:0], None, {"a": 1}):
        with pytest.raises(BadInput, match="images: found"):
            run.net(bad)


def test_loading_by_name_folder_and_file(run):
    assert bigdeep.load("mlp2").names == list("0123456789")
    assert bigdeep.load(run.workdir).config == run.config
    assert bigdeep.load(str(run.workdir)).shape == (29, 29, 1)
    with pytest.raises(BadInput, match="expected one of"):
        bigdeep.load("mlp22")


def test_deforming(digits):
    images, labels = digits.train_images[:6], digits.train_labels[:6]
    key = jax.random.key(0)
    found = bigdeep.deform(images, labels, key)
    assert found.shape == images.shape
    assert found.dtype == np.uint8
    assert np.array_equal(found, bigdeep.deform(images[..., 0], labels, key))
    assert not np.array_equal(found, bigdeep.deform(images, labels, jax.random.key(1)))
    same = bigdeep.deform(images, labels, key, [{"name": "elastic", "sigma": 5.0, "alpha": 30.0}], strength=0.0)
    assert np.array_equal(same, images)


@pytest.mark.slow
def test_the_interface_is_typed():
    """By mypy with the settings that JAX uses for itself, in setup.cfg."""
    pytest.importorskip("mypy")
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert (ROOT / "bigdeep" / "py.typed").exists()


def test_bad_labels_and_strengths_are_refused(digits):
    images, key = digits.train_images[:2], jax.random.key(0)
    for labels in ([-1, 3], [0.5, 3], [1], None):
        with pytest.raises(BadInput, match="labels: found"):
            bigdeep.deform(images, labels, key)
    with pytest.raises(BadInput, match="strength: found nan"):
        bigdeep.deform(images, [1, 2], key, strength=float("nan"))
