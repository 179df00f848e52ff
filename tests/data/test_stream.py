"""Training sets that stay on the host: the same batches, the same weights, from wherever a run begins."""

import pickle

import jax
import numpy as np
import pytest
from PIL import Image

from bigdeep import experiment, programs, step, training
from bigdeep.data import pictures, resident, stream
from bigdeep.errors import BadInput, Stopped
from bigdeep.run import layout
from bigdeep.run.journal import read_rows
from conftest import run_bigdeep, start_bigdeep

pytest.importorskip("grain")


def on_device(images, labels, key, batch_size, steps):
    """The batches of data/resident.py, one by one."""
    batches = resident.resident(jax.numpy.asarray(images), jax.numpy.asarray(labels), batch_size, lambda batch: batch)
    return [tuple(map(np.asarray, batches(key, jax.numpy.int32(i))(jax.numpy.int32(i)))) for i in range(steps)]


def test_the_batches_are_those_of_the_device_image_for_image(digits):
    images, labels, key = digits.train_images[:250], digits.train_labels[:250], jax.random.key(3)
    read = stream.Batches(images, labels, np.asarray(jax.random.key_data(key)), 100, 7)
    assert len(read) == 7
    for ours, theirs in zip((read[i] for i in range(7)), on_device(images, labels, key, 100, 7), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.slow
def test_workers_read_them_in_order_from_any_step(digits, start):
    images, labels, key = digits.train_images[:250], digits.train_labels[:250], jax.random.key(3)
    reader = stream.Reader(stream.Batches(images, labels, np.asarray(jax.random.key_data(key)), 100, 9), 2)
    found = [reader.read(count, start=lambda: start) for count in (1, 3, 2)]
    found_images, found_labels = (np.concatenate(parts) for parts in zip(*found, strict=True))
    expected = on_device(images, labels, key, 100, start + 6)[start:]
    np.testing.assert_array_equal(found_images, np.stack([images for images, _ in expected]))
    np.testing.assert_array_equal(found_labels, np.stack([labels for _, labels in expected]))


def test_of_mapped_images_workers_get_the_place_and_not_the_bytes(tmp_path, digits):
    np.save(tmp_path / "images.npy", digits.train_images[:300])
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    batches = stream.Batches(mapped[20:270][10:], digits.train_labels[30:270], np.zeros(2, np.uint32), 60, 4)
    sent = pickle.dumps(batches)
    assert len(sent) < 2000
    opened = pickle.loads(sent)
    for i in range(4):
        np.testing.assert_array_equal(opened[i][0], batches[i][0])


def test_each_process_reads_its_own_rows(digits):
    images, labels, data = digits.train_images[:200], digits.train_labels[:200], np.zeros(2, np.uint32)
    whole = stream.Batches(images, labels, data, 100, 2)
    halves = [stream.Batches(images, labels, data, 100, 2, rows) for rows in (slice(0, 50), slice(50, 100))]
    np.testing.assert_array_equal(np.concatenate([half[1][0] for half in halves]), whole[1][0])
    assert layout.own_rows(100) == slice(0, 100)


def weights(config, workdir) -> str:
    return training.run(config, str(workdir))["state_sha256"]


@pytest.mark.slow
def test_a_run_ends_with_the_bits_of_one_whose_images_lie_on_the_device(tmp_path, smoke, monkeypatch):
    """Also after it was stopped within an epoch, and with the average of its weights."""
    config = smoke("mlp2") | {"regularisers": [{"name": "average", "share": 0.1}], "log_steps": 11}
    streamed = config | {"data": config["data"] | {"workers": 2}}
    there, here = tmp_path / "there", tmp_path / "here"
    expected = weights(config, there)

    stop = iter([False, False, True])
    monkeypatch.setattr(training.processes, "shared", lambda noted: lambda: "SIGTERM" if next(stop, True) else "")
    with pytest.raises(Stopped):
        training.run(streamed, str(here))
    monkeypatch.undo()
    assert weights(streamed, here) == expected
    rows = [read_rows(path / "metrics.jsonl") for path in (there, here)]
    for key in ("train_loss", "validation_errors", "test_errors"):
        assert [row.get(key) for row in rows[0]] == [row.get(key) for row in rows[1]], key


def test_evaluation_in_parts_counts_what_it_counts_as_a_whole(smoke, monkeypatch):
    built = experiment.build(smoke("mlp2"))
    state = experiment.initial_state(built)
    whole = training._counter(built)(state.params, state.model_state)
    monkeypatch.setattr(step, "EVALUATION_PART", 700)
    streamed = built._replace(data=built.data._replace(workers=1))
    assert training._counter(streamed)(state.params, state.model_state) == whole


@pytest.mark.slow
def test_a_step_of_a_profile_is_the_first(smoke):
    """first_chunk gives what compiled_steps computes first."""
    config = smoke("mlp2")
    streamed = experiment.build(config | {"data": config["data"] | {"workers": 1}})
    program, rest, length = programs.first_chunk(streamed)
    _, metrics = program(experiment.initial_state(streamed), *rest, length=length)
    lying = experiment.build(config)
    _, expected = programs.compiled_steps(lying)(experiment.initial_state(lying), length=length)
    np.testing.assert_array_equal(metrics["train_loss"], expected["train_loss"])


def test_a_folder_of_pictures_is_mapped_and_never_copied(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for name in "ab":
        (tmp_path / "d" / name).mkdir(parents=True)
        for i in range(60):
            Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(tmp_path / "d" / name / f"{i}.png")
    monkeypatch.setattr(pictures, "BLOCK", 7)
    config = {"name": "folder", "source": "auto", "dir": str(tmp_path / "d"), "size": 8, "workers": 1}
    from bigdeep.data import splits  # noqa: PLC0415

    for validation, kept in (("train", 100), ("last:30", 70)):
        found = splits.splits(**config, validation=validation)
        for split in (found.train, found.validation, found.test):
            assert isinstance(split.images, np.memmap)
        assert len(found.train.labels) == kept


def test_without_grain_it_is_said_what_to_install(digits, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "grain", None)
    with pytest.raises(BadInput, match=r"pip install 'bigdeep\[stream\]'"):
        stream.Reader(stream.Batches(digits.train_images, digits.train_labels, np.zeros(2, np.uint32), 10, 3), 1)


@pytest.mark.slow
def test_the_command_trains_with_workers_and_ends_cleanly(tmp_path):
    with start_bigdeep(
        "bigdeep.main", "--config=mlp2:smoke", "--config.data.workers=2", f"--workdir={tmp_path}"
    ) as process:
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    done = run_bigdeep("bigdeep.main", "--config=mlp2:smoke", "--config.data.workers=-1", f"--workdir={tmp_path}")
    assert (done.returncode, "config.data.workers: found -1" in done.stderr) == (2, True)
