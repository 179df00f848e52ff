"""Pictures in folders, one a class -> one verified array; kept, so that the second start is fast."""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bigdeep import cache
from bigdeep.errors import BadInput, first_line, require, tell

KINDS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
LARGEST = 64_000_000  # pixels
TOLD = 10  # broken files that get a line each


def classes_in(folder: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """{name of a folder in this one: the pictures in it, in order}, of those that hold any."""
    folders = sorted(each for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
    found = {}
    for each in folders:
        files = sorted(f for f in each.iterdir() if f.suffix.lower() in KINDS and not f.name.startswith("."))
        if files:
            found[each.name] = files
    return found


def read(listing: Mapping[str, Sequence[pathlib.Path]], size: int) -> tuple[np.ndarray, np.ndarray, list[pathlib.Path]]:
    """(images uint8 (N, size, size, 1 or 3), labels uint8 (N,), their files) of {class: files}.

    A picture is scaled, anti-aliased, until its longer side is `size` pixels, and put in the middle of a square of the
    median of its edge; transparent parts are white behind dark ink, black behind light. All are grey where all of them
    are, else RGB. Files that cannot be read are named and left out. What was read once comes from the cache as long as
    no file changes.
    """
    files = [(label, path) for label, paths in enumerate(listing.values()) for path in paths]
    kept = cache.folder("pictures") / f"{_stamp(files, size)}.npz"
    stored = _stored(kept)
    if stored is None:
        stored = _read_all(files, size)
        _keep(kept, stored)
    for line in stored["broken"][:TOLD]:
        tell(f"bigdeep: {line}; left out")
    if len(stored["broken"]) > TOLD:
        tell(f"bigdeep: and {len(stored['broken']) - TOLD} more that cannot be read; left out")
    places = stored["places"]
    return stored["images"], np.array([files[i][0] for i in places], np.uint8), [files[i][1] for i in places]


def _read_all(files: Sequence[tuple[int, pathlib.Path]], size: int) -> dict:
    """{images, places: of those that could be read, among the files, broken: a line for each that could not}."""

    def one(each: tuple[int, pathlib.Path]) -> np.ndarray | str:
        try:
            return picture(each[1], size)
        except BadInput as error:
            return str(error)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(one, files))
    places = [i for i, each in enumerate(found) if not isinstance(each, str)]
    require(places, "pictures", "none that can be read", f"files ending in {', '.join(KINDS)}")
    images = np.stack([found[i] for i in places])
    if (images == images[..., :1]).all():
        images = np.ascontiguousarray(images[..., :1])
    return {"images": images, "places": np.array(places), "broken": [each for each in found if isinstance(each, str)]}


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[Image.Image]:
    """The image in a file; whatever is wrong with it, then or while it is used, is BadInput in one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of what it reads all the same
        try:
            with Image.open(path) as image:
                width, height = image.size
                require(width * height <= LARGEST, str(path), f"{width} x {height} pixels", f"at most {LARGEST:,}")
                yield image
        except (BadInput, MemoryError):
            raise
        except Image.DecompressionBombError:
            raise BadInput(f"{path}: found too many pixels, expected at most {LARGEST:,}") from None
        except UnidentifiedImageError:
            what = "an empty file" if path.stat().st_size == 0 else "something else"
            raise BadInput(f"{path}: found {what}, expected an image") from None
        except OSError as error:
            raise BadInput(f"{path}: found {error.strerror or first_line(error)}, expected an image") from None
        except (SyntaxError, ValueError, EOFError) as error:  # Pillow's for broken files
            raise BadInput(f"{path}: found {first_line(error)}, expected a whole image") from None


def paper(grey: np.ndarray, opaque: np.ndarray) -> float:
    """What transparent parts are to be filled with: white behind dark ink, black behind light."""
    return 255.0 if (grey * opaque).sum() < 128 * opaque.sum() else 0.0


def picture(path: pathlib.Path, size: int) -> np.ndarray:
    """uint8 (size, size, 3), see `read`; BadInput in one line where it cannot be read."""
    with opened(path) as image:
        image = _rgb(ImageOps.exif_transpose(image), path)
    pixels = np.asarray(image)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    scale = size / max(image.size)
    small = tuple(max(1, round(side * scale)) for side in image.size)
    frame = np.empty((size, size, 3), np.uint8)
    frame[:] = np.median(edge, axis=0)
    top, left = (size - small[1]) // 2, (size - small[0]) // 2
    scaled = image if small == image.size else image.resize(small, Image.Resampling.BICUBIC)
    frame[top : top + small[1], left : left + small[0]] = np.asarray(scaled)
    return frame


def _rgb(image: Image.Image, path: pathlib.Path) -> Image.Image:
    """An image of any kind as RGB of 8 bits."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image).astype(np.uint32) // 257).astype(np.uint8))
    require(image.mode not in ("I", "F"), str(path), f"values of the kind {image.mode}", "8 or 16 bits a colour")
    image = image.convert("RGBA")
    both = np.asarray(image.convert("LA"), np.float32)
    behind = Image.new("RGBA", image.size, (round(paper(both[..., 0], both[..., 1] / 255)),) * 3 + (255,))
    return Image.alpha_composite(behind, image).convert("RGB")


def _stamp(files: Sequence[tuple[int, pathlib.Path]], size: int) -> str:
    """Which files these are: a sha256 of their paths, sizes and times."""
    digest = hashlib.sha256(f"2 {size}".encode())
    for label, path in files:
        try:
            stat = path.stat()
            stamp = f"{stat.st_size} {stat.st_mtime_ns}"
        except OSError:  # a link to nowhere: `picture` will say so
            stamp = "nothing"
        digest.update(f"{label} {path.absolute()} {stamp}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _stored(path: pathlib.Path) -> dict | None:
    """What _keep wrote; None where there is nothing, or not what was written."""
    try:
        with np.load(path) as file:
            stored = {"images": file["images"], "places": file["places"], "broken": json.loads(str(file["broken"]))}
            sealed = str(file["sha256"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return stored if hashlib.sha256(stored["images"].tobytes()).hexdigest() == sealed else None


def _keep(path: pathlib.Path, found: Mapping) -> None:
    """Writes to the cache; where that cannot be, the next start is as slow as this one."""
    partial = path.with_suffix(f".{os.getpid()}.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sha256 = hashlib.sha256(found["images"].tobytes()).hexdigest()
        np.savez(partial, **{**found, "broken": json.dumps(found["broken"]), "sha256": sha256})
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
