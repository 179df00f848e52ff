"""The official files out of TensorFlow Datasets, without TensorFlow. The only import of tensorflow_datasets.

TFDS brings downloads, checksums and a store of prepared sets. Its stock builders need TensorFlow to prepare a
set, but only to read the official files and to encode images; the builders here do these two without it.
TFDS stores a split sorted by the md5 of (split, index); undoing that gives the official order back.
"""

import contextlib
import fcntl
import gzip
import hashlib
import io
import os
import pathlib
import struct
import tarfile
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import numpy as np

from bigdeep.data.files import member_bytes
from bigdeep.errors import BadInput, first_line, tell

CIFAR_NAMES = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
TIMEOUT = 8.0  # seconds until a host counts as not there


class Unavailable(BadInput):
    """There is no set that can be read here, and none can be made."""


def official_files(name: str, manual_dir: pathlib.Path | None) -> dict[str, bytes]:
    """The decompressed official files of a data set, rebuilt from its prepared TFDS set.

    A set that is not prepared yet in TFDS's folder ($TFDS_DATA_DIR or ~/tensorflow_datasets) is prepared first,
    from the official files in manual_dir or, where that is None, from TFDS's own download.
    Raises Unavailable where nothing is prepared and no host answers within a few seconds, or where what is prepared
    cannot be read without TensorFlow; BadInput where the files are not the official ones.
    """
    try:
        builder = _builder(name)
        prepared = builder.is_prepared()
    except Exception as error:  # a folder that cannot be reached, or a set in a format that needs TensorFlow
        raise Unavailable(f"TFDS set {name}: found {first_line(error)!r}, expected a set or a folder for it") from error
    if not prepared:
        builder = _prepare(name, manual_dir)
    splits = [_read_split(builder, split) for split in ("train", "test")]
    return (_cifar_files if name == "cifar10" else _idx_files)(splits)


def _builder(name: str):
    """TFDS's own builder (name, version, features, checksums), reading and encoding without TensorFlow."""
    import tensorflow_datasets as tfds  # noqa: PLC0415 - most runs read the official files and save this second
    from tensorflow_datasets.image_classification import cifar, mnist  # noqa: PLC0415

    tfds.disable_progress_bar()
    stock = {"mnist": mnist.MNIST, "fashion_mnist": mnist.FashionMNIST, "cifar10": cifar.Cifar10}[name]
    body = {
        "name": stock.name,
        "url_infos": stock.url_infos,
        "__module__": __name__,
        "_split_generators": _cifar_splits if name == "cifar10" else _mnist_splits,
    }
    without_tensorflow = type(stock)(f"{stock.__name__}WithoutTensorFlow", (stock,), body, skip_registration=True)
    return without_tensorflow(file_format="array_record")


def _prepare(name: str, manual_dir: pathlib.Path | None):
    """Prepares a set, once for all processes that want it; returns its builder."""
    import tensorflow_datasets as tfds  # noqa: PLC0415

    with _alone(name):
        builder = _builder(name)
        if not builder.is_prepared():  # by another process meanwhile
            _download_and_prepare(tfds, builder, manual_dir)
        return builder


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Keeps other processes on this machine from preparing the same set at the same time."""
    with (pathlib.Path(tempfile.gettempdir()) / f"bigdeep-{os.getuid()}-tfds-{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download_and_prepare(tfds, builder, manual_dir: pathlib.Path | None) -> None:
    if manual_dir is None:
        url = next(iter(builder.url_infos))
        if reason := _unreachable(url):
            raise Unavailable(
                f"data set {builder.name}: found no files and no host at {url} ({reason}), "
                f"expected {builder.name}/ in BIGDEEP_DATA_DIR, or a network"
            )
    where = manual_dir or "its download"
    tell(f"bigdeep: preparing the TFDS set {builder.name} from {where}, once")
    options = tfds.download.DownloadConfig(manual_dir=manual_dir)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_config=options)
    except Exception as error:  # TFDS raises its own, requests', zlib's and OS errors here, with no common base
        kind = Unavailable if manual_dir is None else BadInput
        found = f"{first_line(error)!r} in {where}"
        raise kind(f"TFDS set {builder.name}: found {found}, expected the official files") from error


def _unreachable(url: str) -> str:
    """Why the host of a URL does not answer within TIMEOUT ("" if it does), look-up of its name included."""
    answer: list[str] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            urllib.request.urlopen(request, timeout=TIMEOUT).close()
            answer.append("")
        except urllib.error.HTTPError:
            answer.append("")  # the host is there; TFDS will say what is wrong
        except (OSError, ValueError) as error:
            answer.append(str(getattr(error, "reason", error)))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return answer[0] if answer else f"no answer in {TIMEOUT:g} s"


def _mnist_splits(builder, downloads) -> dict[str, Iterator]:
    paths = downloads.download({url.split("/")[-1]: url for url in builder.url_infos})
    files = {name: gzip.decompress(pathlib.Path(path).read_bytes()) for name, path in paths.items()}

    def records(prefix: str) -> Iterator[tuple[int, dict]]:
        images = np.frombuffer(files[f"{prefix}-images-idx3-ubyte.gz"], np.uint8, offset=16).reshape(-1, 28, 28)
        labels = np.frombuffer(files[f"{prefix}-labels-idx1-ubyte.gz"], np.uint8, offset=8)
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield index, {"image": _png(image), "label": int(label)}

    return {"train": records("train"), "test": records("t10k")}


def _cifar_splits(builder, downloads) -> dict[str, Iterator]:
    with tarfile.open(downloads.download(next(iter(builder.url_infos)))) as tar:
        files = {pathlib.Path(m.name).name: member_bytes(tar, m) for m in tar.getmembers() if m.isfile()}
    builder.info.features["label"].names = files["batches.meta.txt"].decode().split()

    def records(split: str, names: list[str]) -> Iterator[tuple[int, dict]]:
        rows = np.concatenate([np.frombuffer(files[name], np.uint8).reshape(-1, 3073) for name in names])
        for index, row in enumerate(rows):
            image = np.ascontiguousarray(row[1:].reshape(3, 32, 32).transpose(1, 2, 0))
            yield index, {"id": f"{split}_{index:05d}", "image": _png(image), "label": int(row[0])}

    return {"train": records("train", CIFAR_NAMES[:5]), "test": records("test", CIFAR_NAMES[5:])}


def _png(image: np.ndarray) -> io.BytesIO:
    from PIL import Image  # noqa: PLC0415

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=1)
    buffer.seek(0)
    return buffer


def _read_split(builder, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, H, W, C) and labels (N,) of a prepared split in the official order."""
    try:
        source = builder.as_data_source(split=split)
    except Exception as error:  # e.g. a set prepared as TFRecord, which only TensorFlow can read
        raise Unavailable(f"TFDS set {builder.name}: found {error}, expected one prepared as array_record") from error
    try:
        return _arrays(source, split)
    except Exception as error:
        raise BadInput(
            f"TFDS set {builder.data_path}: found it unreadable ({error}), expected an intact set"
        ) from error


def _arrays(source, split: str) -> tuple[np.ndarray, np.ndarray]:
    keys = [hashlib.md5(split.encode() + str(index).encode()).digest() for index in range(len(source))]
    stored_at = np.argsort(np.argsort(np.array(keys, dtype="S16"), kind="stable"))
    examples = source.__getitems__(stored_at.tolist())
    return np.stack([e["image"] for e in examples]), np.array([e["label"] for e in examples], np.uint8)


def _idx_files(splits: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, bytes]:
    files = {}
    for prefix, (images, labels) in zip(("train", "t10k"), splits, strict=True):
        files[f"{prefix}-images-idx3-ubyte"] = struct.pack(">4i", 2051, *images.shape[:3]) + images.tobytes()
        files[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">2i", 2049, len(labels)) + labels.tobytes()
    return files


def _cifar_files(splits: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, bytes]:
    rows = [np.c_[labels, images.transpose(0, 3, 1, 2).reshape(-1, 3072)] for images, labels in splits]
    return {name: row.tobytes() for name, row in zip(CIFAR_NAMES, [*np.split(rows[0], 5), rows[1]], strict=True)}
