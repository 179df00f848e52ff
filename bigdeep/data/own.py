"""Images of one's own: folders of pictures, Kaggle's CSV, and sets in MNIST's format (EMNIST, QMNIST, KMNIST, …).

data.name="folder", data.dir=DIR, where DIR holds
- train/CLASS/*.png and test/CLASS/*.png (or .jpg, .webp, …), or CLASS/*.png alone;
- train.csv with a line "label,pixel0,pixel1,…" and such lines below it, as Kaggle's Digit Recognizer has it; or
- …train-images-idx3-ubyte and …train-labels-idx1-ubyte, and the same with test or t10k, each plain, .gz or .xz.
Where there is no test set with labels, a sixth of each class is held out, by the sha256 of the files' names or, where
images have none, by their number: the same for everybody.
"""

import hashlib
import pathlib
import re

import numpy as np

from bigdeep.data import files, pictures
from bigdeep.data.files import DIGITS, Dataset
from bigdeep.errors import BadInput, require, tell

NAME = "folder"
HELD_OUT = 6  # one of so many is a test image
MOST_CLASSES = 256
TRANSPOSED = "emnist"  # files that begin so hold rows as columns

Arrays = tuple[np.ndarray, np.ndarray]


def load(dir: str, size: int) -> Dataset:
    """The data set in a folder of one's own. size: of pictures, in pixels; images of CSV and IDX files keep theirs."""
    folder = pathlib.Path(dir).expanduser()
    require(dir and folder.is_dir(), "config.data.dir", dir, "an existing folder with your images")
    if (folder / "train.csv").exists():
        train, test, classes = *_csv(folder / "train.csv"), list(DIGITS)
    elif images := _idx(folder, "train", "images"):
        train, test, classes = _idx_sets(folder, images)
    else:
        train, test, classes = _pictures(folder, size)
    require(len(classes) <= MOST_CLASSES, f"classes in {dir}", len(classes), f"at most {MOST_CLASSES}")
    arrays = (*train, *test)
    said = "\n".join([*map(pictures.digest, arrays), *classes])
    digest = hashlib.sha256(said.encode()).hexdigest()
    return Dataset(f"folder-{folder.resolve().name}", "folder", digest, *arrays, classes=tuple(classes))


def _pictures(folder: pathlib.Path, size: int) -> tuple[Arrays, Arrays, list[str]]:
    """(training set, test set, names of the classes)."""
    listing = pictures.classes_in(folder / "train") if (folder / "train").is_dir() else pictures.classes_in(folder)
    require(
        len(listing) > 1, f"config.data.dir {folder}", f"{len(listing)} folders with pictures", "one for each class"
    )
    classes = list(listing)
    tests = pictures.classes_in(folder / "test") if (folder / "train").is_dir() else {}
    unknown = sorted(tests.keys() - listing.keys())
    require(not unknown, f"{folder / 'test'}", f"the class {', '.join(unknown)}", "those of train/ only")
    files = [(label, path, False) for label, paths in enumerate(listing.values()) for path in paths]
    if tests:
        files += [(classes.index(name), path, True) for name, paths in tests.items() for path in paths]
    else:
        out = _held_out(np.array([label for label, *_ in files]), [f"{p.parent.name}/{p.name}" for _, p, _ in files])
        files = [(label, path, bool(test)) for (label, path, _), test in zip(files, out, strict=True)]
    files.sort(key=lambda each: each[2])  # so that both sets are slices of one array
    images, places = pictures.read([path for _, path, _ in files], size)
    labels = np.array([files[i][0] for i in places], np.uint8)
    test = np.array([files[i][2] for i in places])
    count = int((~test).sum())
    missing = [name for i, name in enumerate(classes) if not (~test & (labels == i)).any()]
    require(not missing, f"config.data.dir {folder}", f"no picture of {missing[0] if missing else ''}", "some to train")
    return (images[:count], labels[:count]), (images[count:], labels[count:]), classes


def _held_out(labels: np.ndarray, names: list[str]) -> np.ndarray:
    """bool (N,): a sixth of each class, at least one, the first by the sha256 of their names."""
    ranks = np.array([hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest() for name in names])
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        chosen[own[np.argsort(ranks[own])][: max(1, len(own) // HELD_OUT)]] = len(own) > 1
    tell(f"bigdeep: no test set with labels: held out {chosen.sum()} of {len(labels)} images")
    return chosen


def _split(images: np.ndarray, labels: np.ndarray) -> tuple[Arrays, Arrays]:
    test = _held_out(labels, [str(i) for i in range(len(labels))])
    return (images[~test], labels[~test]), (images[test], labels[test])


def _csv(path: pathlib.Path) -> tuple[Arrays, Arrays]:
    """Kaggle's table of square grey images; its test.csv has no labels."""
    with path.open(encoding="utf-8", errors="replace") as file:
        header = file.readline().strip().split(",")
        pixels, side = len(header) - 1, int(np.sqrt(len(header) - 1))
        fits = header[0] == "label" and pixels == side * side > 0
        require(fits, f"{path}, line 1", ",".join(header)[:60], "label,pixel0,pixel1,… of square images")
        try:
            lines = file.readlines()
            require(lines, str(path), "no line below the first", "an image a line")
            table = np.loadtxt(lines, delimiter=",", dtype=np.int64, ndmin=2)
        except ValueError as error:
            raise BadInput(f"{path}: found {str(error)[:120]}, expected whole numbers") from None
    within = table.size and table.shape[1] == len(header) and table.min() >= 0 and table.max() <= 255
    require(within and table[:, 0].max() < 10, str(path), "other values", "labels 0-9 and pixels 0-255")
    table = table.astype(np.uint8)
    return _split(table[:, 1:].reshape(-1, side, side, 1), table[:, 0])


def _idx(folder: pathlib.Path, split: str, kind: str) -> pathlib.Path | None:
    """The file of a split ("train", or "test" for t10k too) of a kind (images, labels), the first by name."""
    splits = {"train": "train", "test": "(test|t10k)"}[split]
    pattern = re.compile(rf"(.*-)?{splits}-{kind}[-.]idx[1-3]-(ubyte|int)(\.gz|\.xz)?")
    return next((path for path in sorted(folder.iterdir()) if pattern.fullmatch(path.name)), None)


def _idx_sets(folder: pathlib.Path, images: pathlib.Path) -> tuple[Arrays, Arrays, list[str]]:
    """Sets in MNIST's format; EMNIST's images are turned upright, and its labels named by its mapping file."""
    named = {"train": images}
    if tests := _idx(folder, "test", "images"):
        named["test"] = tests
    sets = {}
    for split, pixels in named.items():
        what, wanted = f"config.data.dir {folder}", "a file of its labels beside it"
        labels = require(_idx(folder, split, "labels"), what, f"{pixels.name} alone", wanted)
        sets[split] = files.images(pixels), files.labels(labels)
        counts = tuple(map(len, sets[split]))
        require(counts[0] == counts[1], str(labels), f"{counts[1]} labels", f"{counts[0]}, one for each image")
    if images.name.startswith(TRANSPOSED):
        tell(f"bigdeep: {images.name} is one of EMNIST's, which hold rows as columns: turned upright")
        sets = {split: (np.ascontiguousarray(x.swapaxes(1, 2)), y) for split, (x, y) in sets.items()}
    classes, places = _names(images, np.unique(np.concatenate([labels for _, labels in sets.values()])))
    sets = {split: (pixels, places[labels]) for split, (pixels, labels) in sets.items()}
    return *((sets["train"], sets["test"]) if "test" in sets else _split(*sets["train"])), classes


def _names(images: pathlib.Path, found: np.ndarray) -> tuple[list[str], np.ndarray]:
    """(names of the classes, for each label its place), by EMNIST's mapping file: label, character codes."""
    stem = images.name.partition("-train-")[0]
    mapping = images.with_name(f"{stem}-mapping.txt")
    names = {int(label): str(label) for label in found}
    if mapping.exists():
        rows = (line.split() for line in mapping.read_text(encoding="utf-8").splitlines() if line.strip())
        try:
            names |= {int(label): "".join(dict.fromkeys(chr(int(code)) for code in codes)) for label, *codes in rows}
        except (ValueError, OverflowError) as error:
            raise BadInput(f"{mapping}: found {error}, expected lines of a label and character codes") from None
    places = np.zeros(256, np.uint8)
    places[found] = np.arange(len(found))
    return [names[int(label)] for label in found], places
