"""The official files of the data sets: their hashes, where they lie, and how they are parsed."""

import gzip
import hashlib
import lzma
import pathlib
import struct
import tarfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from bigdeep.errors import BadInput, require

# The decompressed official files in their order, with their sha256 (64 digits) or md5 (32 digits, CIFAR-10's own).
HASHES = {
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    "cifar10": {
        "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
        "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
        "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
        "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
        "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
        "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
    },
}
CIFAR_ARCHIVE = "cifar-10-binary.tar.gz"
DIGITS = tuple("0123456789")
CLASSES = {
    "fashion_mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}


class Dataset(NamedTuple):
    """name: "mnist-5k" for the embedded digits; source: "idx", "tfds" or "embedded"; sha256: of all four arrays.

    train_images, test_images: uint8 (N, H, W, C); train_labels, test_labels: uint8 (N,), places among `classes`.
    """

    name: str
    source: str
    sha256: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...] = DIGITS


def spellings(folder: pathlib.Path, file: str) -> list[pathlib.Path]:
    """Where an official file may lie: plain, .gz or .xz, also with the dot that some copies have for a dash."""
    names = dict.fromkeys((file, file.replace("-idx", ".idx")))
    return [folder / f"{name}{end}" for name in names for end in ("", ".gz", ".xz")]


def any_in(name: str, folder: pathlib.Path) -> bool:
    """Whether a folder holds any official file of a data set."""
    if name == "cifar10" and (folder / CIFAR_ARCHIVE).exists():
        return True
    return any(path.exists() for file in HASHES[name] for path in spellings(folder, file))


def from_folder(name: str, folder: pathlib.Path) -> Dataset:
    """The data set in a folder of official files, each plain, .gz or .xz (CIFAR-10: also its tar.gz)."""
    archive = folder / CIFAR_ARCHIVE
    if name == "cifar10" and archive.exists():
        return from_bytes(name, "idx", _read_tar(archive), dict.fromkeys(HASHES[name], archive))
    paths = {}
    for file in HASHES[name]:
        found = next((path for path in spellings(folder, file) if path.exists()), None)
        wanted = f"{', '.join(HASHES[name])}, each plain, .gz or .xz"
        paths[file] = require(found, f"data folder {folder}", f"no {file}", wanted)
    return from_bytes(name, "idx", {file: read(path) for file, path in paths.items()}, paths)


def from_bytes(name: str, source: str, files: Mapping[str, bytes], paths: Mapping | None = None) -> Dataset:
    """Verifies the decompressed official files and parses them; `paths` name them in messages."""
    parts: list[Any] = []
    for file, expected in HASHES[name].items():
        what = f"data file {(paths or {}).get(file, file)}"
        parts.append((_parse_cifar if name == "cifar10" else _parse_idx)(file, files[file], what))
        algorithm = "md5" if len(expected) == 32 else "sha256"
        found = hashlib.new(algorithm, files[file]).hexdigest()
        require(found == expected, what, f"{algorithm} {found}", expected)
    if name == "cifar10":
        images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return dataset_of(name, source, images[:-10_000], labels[:-10_000], images[-10_000:], labels[-10_000:])
    return dataset_of(name, source, *parts)


def dataset_of(
    name: str,
    source: str,
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
) -> Dataset:
    """A data set of the four arrays, with their hash."""
    arrays = (train_images, train_labels, test_images, test_labels)
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()
    return Dataset(name, source, digest, *arrays, classes=CLASSES.get(name, DIGITS))


def read(path: pathlib.Path) -> bytes:
    """The bytes of a file, decompressed by its ending."""
    decompress: Callable = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)
    try:
        return decompress(path.read_bytes())
    except (EOFError, lzma.LZMAError, zlib.error, OSError) as error:
        raise BadInput(f"data file {path}: found {error}, expected a whole {path.suffix} file") from None


def images(path: pathlib.Path) -> np.ndarray:
    """The images of an IDX file, packed or not, uint8 (N, H, W, 1)."""
    return _parse_idx("images", read(path), f"data file {path}")


def labels(path: pathlib.Path) -> np.ndarray:
    """The labels of an IDX file, packed or not, uint8 (N,); of QMNIST's eight columns of int32 the first."""
    content, what = read(path), f"data file {path}"
    if content[:4] != b"\x00\x00\x0c\x02":
        return _parse_idx("labels", content, what)
    count, columns = struct.unpack(">2i", content[4:12])
    require(len(content) == 12 + 4 * count * columns, what, f"{len(content)} bytes", f"{count} rows of {columns}")
    return np.frombuffer(content, ">i4", offset=12).reshape(count, columns)[:, 0].astype(np.uint8)


def _read_tar(path: pathlib.Path) -> dict[str, bytes]:
    try:
        with tarfile.open(path) as tar:
            members = {pathlib.Path(m.name).name: m for m in tar.getmembers()}
            for file in HASHES["cifar10"]:
                require(file in members, f"data file {path}", f"no {file}", ", ".join(HASHES["cifar10"]))
            return {file: member_bytes(tar, members[file]) for file in HASHES["cifar10"]}
    except (EOFError, tarfile.TarError, zlib.error, OSError) as error:
        raise BadInput(f"data file {path}: found {error}, expected a whole tar.gz file") from None


def member_bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """The bytes of a file in a tar archive."""
    file = tar.extractfile(member)
    return file.read() if file else b""  # a folder of this name


def _parse_idx(file: str, data: bytes, what: str) -> np.ndarray:
    """IDX: big-endian magic (0x08 for bytes, then the rank) and sizes, then the values."""
    rank = 3 if "images" in file else 1
    kind = {3: "images", 1: "labels"}[rank]
    require(len(data) >= 4 + 4 * rank, what, f"{len(data)} bytes", "an IDX file")
    magic, *shape = struct.unpack(f">{1 + rank}i", data[: 4 + 4 * rank])
    require(magic == 0x0800 + rank, what, f"magic number {magic}", f"{0x0800 + rank} ({kind})")
    expected = 4 + 4 * rank + int(np.prod(shape))
    require(len(data) == expected, what, f"{len(data)} bytes", f"{expected} bytes for {'x'.join(map(str, shape))}")
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)
    return values[..., None] if rank == 3 else values


def _parse_cifar(_: str, data: bytes, what: str) -> tuple[np.ndarray, np.ndarray]:
    """CIFAR-10 binary: 10,000 records of 1 label byte and 3,072 pixels, channels first."""
    require(len(data) == 10_000 * 3073, what, f"{len(data)} bytes", f"{10_000 * 3073} bytes")
    records = np.frombuffer(data, np.uint8).reshape(-1, 3073)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, 0]
