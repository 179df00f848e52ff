"""Data sets: every source, every way a file can be wrong, and the fall-back that never calls itself MNIST."""

import gzip
import hashlib
import lzma
import os
import pathlib
import struct
import tarfile
import time

import numpy as np
import pytest

from bigdeep import data
from bigdeep.data import files, tfds
from bigdeep.errors import BadInput
from conftest import run_bigdeep

COUNTS = {"train": 12, "t10k": 5}


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}i", 0x0800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def tiny(tmp_path, monkeypatch, rng) -> pathlib.Path:
    """A data directory with a tiny `mnist` whose hashes count as the official ones."""
    contents = {}
    for prefix, count in COUNTS.items():
        contents[f"{prefix}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        contents[f"{prefix}-labels-idx1-ubyte"] = idx(rng.integers(0, 10, count, dtype=np.uint8))
    hashes = {name: hashlib.sha256(contents[name]).hexdigest() for name in files.HASHES["mnist"]}
    monkeypatch.setitem(files.HASHES, "mnist", hashes)
    monkeypatch.delenv("BIGDEEP_DATA_DIR", raising=False)
    (tmp_path / "mnist").mkdir()
    for name, content in contents.items():
        (tmp_path / "mnist" / name).write_bytes(content)
    return tmp_path


def arrays(dataset: data.Dataset) -> list[np.ndarray]:
    return [dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels]


@pytest.mark.parametrize(("end", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_plain_and_compressed_files_give_the_same_arrays(tiny, end, compress):
    plain = data.load("mnist", "auto", str(tiny))
    for path in list((tiny / "mnist").iterdir()):
        path.with_name(path.name + end).write_bytes(compress(path.read_bytes()))
        path.unlink()
    packed = data.load("mnist", "idx", str(tiny))
    assert (plain.name, plain.source, plain.sha256) == (packed.name, packed.source, packed.sha256)
    assert plain.train_images.shape == (12, 28, 28, 1)
    assert all(np.array_equal(a, b) for a, b in zip(arrays(plain), arrays(packed), strict=True))


def test_the_folder_of_the_config_comes_before_that_of_the_environment(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("BIGDEEP_DATA_DIR", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere" / "mnist").mkdir(parents=True)  # empty: reading it would fail
    assert data.load("mnist", "auto", str(tiny)).source == "idx"
    monkeypatch.setenv("BIGDEEP_DATA_DIR", str(tiny))
    assert data.load("mnist", "auto", "").source == "idx"


def test_a_data_directory_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("BIGDEEP_DATA_DIR", "/no/such/folder")
    with pytest.raises(BadInput, match="BIGDEEP_DATA_DIR: found '/no/such/folder', expected an existing folder"):
        data.load("mnist", "auto", "")


def flip(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("train-images-idx3-ubyte", lambda c: c[:-10], "9414 bytes', expected '?9424 bytes for 12x28x28"),
        ("train-images-idx3-ubyte", lambda c: c[:7], "7 bytes', expected an IDX file"),
        ("train-images-idx3-ubyte", lambda c: b"\0\0\x08\x01" + c[4:], r"magic number 2049', expected 2051 \(images\)"),
        ("t10k-labels-idx1-ubyte", lambda c: b"PNG!" + c[4:], r"magic number \d+', expected 2049 \(labels\)"),
        ("train-images-idx3-ubyte", flip, "sha256 [0-9a-f]{64}', expected [0-9a-f]{64}"),
        ("t10k-labels-idx1-ubyte", flip, "sha256 [0-9a-f]{64}', expected [0-9a-f]{64}"),
    ],
)
def test_a_damaged_file_is_named_with_found_and_expected(tiny, file, damage, message):
    path = tiny / "mnist" / file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadInput, match=f"data file {path}: found '{message}") as caught:
        data.load("mnist", "auto", str(tiny))
    assert "\n" not in str(caught.value)


def test_swapped_files_are_noticed(tiny):
    """Labels of the training set in place of the test set's."""
    folder = tiny / "mnist"
    (folder / "t10k-labels-idx1-ubyte").write_bytes((folder / "train-labels-idx1-ubyte").read_bytes())
    with pytest.raises(BadInput, match="t10k-labels-idx1-ubyte: found 'sha256"):
        data.load("mnist", "idx", str(tiny))


@pytest.mark.parametrize(("end", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("damage", [lambda c: c[: len(c) // 2], lambda c: c[:30] + bytes(20) + c[50:]])
def test_a_damaged_archive_is_named(tiny, end, compress, damage):
    path = tiny / "mnist" / "train-images-idx3-ubyte"
    packed = path.with_name(path.name + end)
    packed.write_bytes(damage(compress(path.read_bytes())))
    path.unlink()
    with pytest.raises(BadInput, match=f"data file {packed}: found .*, expected a whole {end} file"):
        data.load("mnist", "idx", str(tiny))


def test_a_missing_file_is_named(tiny):
    (tiny / "mnist" / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(BadInput, match="no t10k-images-idx3-ubyte', expected train-images"):
        data.load("mnist", "auto", str(tiny))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mnits", "auto", ""), "config.data.name: found 'mnits', expected one of .*did you mean 'mnist'"),
        (("mnist", "disk", ""), "config.data.source: found 'disk'"),
        (("mnist", "auto", "/no/such/folder"), "config.data.dir: found '/no/such/folder', expected an existing folder"),
        (("mnist", "idx", ""), "config.data.source: found .*no files"),
        (("cifar10", "embedded", ""), "data set cifar10"),
    ],
)
def test_impossible_requests_are_refused(monkeypatch, arguments, message):
    monkeypatch.delenv("BIGDEEP_DATA_DIR", raising=False)
    with pytest.raises(BadInput, match=message):
        data.load(*arguments)


@pytest.mark.parametrize("place", ["MNIST/raw", "."])
def test_the_folders_of_others_and_other_spellings_are_found(tiny, tmp_path, place):
    """torchvision's folder, and the files themselves; names with a dot, as some copies have."""
    folder = tmp_path / "other" / place
    folder.mkdir(parents=True)
    for path in (tiny / "mnist").iterdir():
        path.rename(folder / path.name.replace("-idx", ".idx"))
    (tiny / "mnist").rmdir()
    assert data.load("mnist", "idx", str(tmp_path / "other")).train_images.shape == (12, 28, 28, 1)


def test_a_home_is_a_tilde(tiny, monkeypatch):
    monkeypatch.setenv("HOME", str(tiny.parent))
    assert data.load("mnist", "idx", f"~/{tiny.name}").source == "idx"


@pytest.mark.parametrize(
    "error", [ValueError("prepared as tfrecord"), PermissionError(13, "denied"), RuntimeError("gs://")]
)
def test_a_tfds_folder_that_cannot_be_used_is_no_end(monkeypatch, capfd, error):
    """A set that TensorFlow prepared as TFRecord, a folder in a bucket: the fall-back is taken, with the reason."""
    monkeypatch.delenv("BIGDEEP_DATA_DIR", raising=False)

    def fail(name):
        raise error

    monkeypatch.setattr(tfds, "_builder", fail)
    assert data.load("mnist", "auto", "").name == "mnist-5k"
    assert "expected a set or a folder for it" in capfd.readouterr().err
    with pytest.raises(BadInput, match="TFDS set mnist: found"):
        data.load("mnist", "tfds", "")


def test_without_any_source_the_embedded_digits_say_so(monkeypatch, capfd):
    monkeypatch.delenv("BIGDEEP_DATA_DIR", raising=False)

    def nothing(name, manual_dir):
        raise tfds.Unavailable("nothing there")

    monkeypatch.setattr(tfds, "official_files", nothing)
    dataset = data.load("mnist", "auto", "")
    assert (dataset.name, dataset.source) == ("mnist-5k", "embedded")
    assert "taking the 5,000 digits" in capfd.readouterr().err


def test_embedded_digits_are_split_without_overlap_and_evenly(digits):
    assert digits.train_images.shape == (4000, 28, 28, 1)
    assert digits.test_images.shape == (1000, 28, 28, 1)
    assert np.array_equal(np.bincount(digits.train_labels), [400] * 10)
    assert np.array_equal(np.bincount(digits.test_labels), [100] * 10)
    train, test = ({image.tobytes() for image in images} for images in (digits.train_images, digits.test_images))
    assert not train & test


@pytest.mark.parametrize("hangs", [False, True])
def test_a_host_that_is_not_there_is_given_up_soon(monkeypatch, hangs):
    """192.0.2.0/24 is reserved for documentation: nothing answers there. And a look-up of a name may hang for long."""

    def hang(*_, **__):
        time.sleep(3)
        raise OSError("too late")

    monkeypatch.setattr(tfds, "TIMEOUT", 0.5)
    if hangs:
        monkeypatch.setattr(tfds.urllib.request, "urlopen", hang)
    began = time.monotonic()
    assert tfds._unreachable("http://192.0.2.1/file")
    assert time.monotonic() - began < 2


@pytest.mark.slow
def test_cifar10_from_files_and_from_the_official_archive(tmp_path, monkeypatch, rng):
    records = {name: rng.integers(0, 10, (10_000, 3073), dtype=np.uint8) for name in files.HASHES["cifar10"]}
    monkeypatch.setitem(files.HASHES, "cifar10", {n: hashlib.md5(r.tobytes()).hexdigest() for n, r in records.items()})
    folder, archive = tmp_path / "files" / "cifar10", tmp_path / "archive" / "cifar10"
    folder.mkdir(parents=True)
    archive.mkdir(parents=True)
    with tarfile.open(archive / files.CIFAR_ARCHIVE, "w:gz", compresslevel=1) as tar:
        for name, content in records.items():
            (folder / name).write_bytes(content.tobytes())
            tar.add(folder / name, f"cifar-10-batches-bin/{name}")
    for root in (folder.parent, archive.parent):
        found = data.load("cifar10", "idx", str(root))
        assert found.train_images.shape == (50_000, 32, 32, 3)
        assert found.test_labels.shape == (10_000,)
        record = records["data_batch_2.bin"][3]
        assert found.train_labels[10_003] == record[0]
        assert found.train_images[10_003, 5, 7, 2] == record[1 + 2 * 1024 + 5 * 32 + 7]  # blue, row 5, column 7
    content = (archive / files.CIFAR_ARCHIVE).read_bytes()
    (archive / files.CIFAR_ARCHIVE).write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match="expected a whole tar.gz file"):
        data.load("cifar10", "idx", str(archive.parent))


def test_official_mnist(mnist, digits):
    """The embedded digits are MNIST training images, and none of the test set's."""
    assert mnist.train_images.shape == (60_000, 28, 28, 1)
    train, test = ({image.tobytes() for image in images} for images in (mnist.train_images, mnist.test_images))
    for images in (digits.train_images, digits.test_images):
        assert all(image.tobytes() in train for image in images)
        assert not any(image.tobytes() in test for image in images)


def test_debians_fashion_mnist():
    if not data.PACKAGED["fashion_mnist"].is_dir():
        pytest.skip("needs Debian's dataset-fashion-mnist")
    dataset = data.load("fashion_mnist", "auto", "")
    assert dataset.source == "idx"
    assert np.array_equal(np.bincount(dataset.test_labels), [1000] * 10)


@pytest.mark.slow
def test_official_cifar10():
    if not pathlib.Path(os.environ.get("BIGDEEP_DATA_DIR", "/nowhere"), "cifar10").is_dir():
        pytest.skip("needs CIFAR-10: set BIGDEEP_DATA_DIR")
    dataset = data.load("cifar10", "idx", "")
    assert np.array_equal(np.bincount(dataset.train_labels), [5000] * 10)


@pytest.mark.slow
def test_tfds_prepares_the_official_bytes_and_reads_them_again(mnist, tmp_path):
    """From the official files as its manual_dir, with its own checksums and no TensorFlow; then without any files."""
    assert mnist.source == "idx"
    smoke = ["--config=configs/mlp2.py:smoke", "--dry_run"]
    prepared = run_bigdeep(*smoke, "--config.data.source=tfds", TFDS_DATA_DIR=str(tmp_path))
    assert "mnist from tfds, 60000 training images" in prepared.stdout, prepared.stderr
    assert (tmp_path / "mnist").is_dir()
    found = run_bigdeep(*smoke, "--config.data.source=auto", TFDS_DATA_DIR=str(tmp_path), BIGDEEP_DATA_DIR="")
    assert "mnist from tfds, 60000 training images" in found.stdout, found.stderr
