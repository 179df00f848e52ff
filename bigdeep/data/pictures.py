"""Pictures in folders, one a class -> one verified array, mapped from a file that makes the second start fast."""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import tempfile
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bigdeep import cache
from bigdeep.errors import BadInput, first_line, require, tell

KINDS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
LARGEST = 64_000_000  # pixels
BLOCK = 4096  # images at a time
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


def read(files: Sequence[pathlib.Path], size: int) -> tuple[np.ndarray, np.ndarray]:
    """(images uint8 (N, size, size, 1 or 3), which of the files they are, int (N,)).

    A picture is scaled, anti-aliased, until its longer side is `size` pixels, and put in the middle of a square of the
    median of its edge; transparent parts are white behind dark ink, black behind light. All are grey where all of them
    are, else RGB. Files that cannot be read are named and left out. The images are mapped from a file in the cache, so
    that they need not fit into memory, and read anew once a picture has changed.
    """
    kept = cache.folder("pictures") / f"{_stamp(files, size)}.npy"
    found = _stored(kept)
    if found is None:
        found = _read_all(files, size, kept)
    images, places, broken = found
    for line in broken[:TOLD]:
        tell(f"bigdeep: {line}; left out")
    if len(broken) > TOLD:
        tell(f"bigdeep: and {len(broken) - TOLD} more that cannot be read; left out")
    return images, places


def _read_all(files: Sequence[pathlib.Path], size: int, kept: pathlib.Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(images, which of the files they are, a line for each file that cannot be read); writes the cache as well."""

    def one(path: pathlib.Path) -> np.ndarray | str:
        try:
            return picture(path, size)
        except BadInput as error:
            return str(error)

    places, broken, grey = [], [], True
    with (
        tempfile.TemporaryFile(dir=_place(kept)) as rows,
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for start in range(0, len(files), BLOCK):
            for i, each in enumerate(pool.map(one, files[start : start + BLOCK]), start):
                if isinstance(each, str):
                    broken.append(each)
                    continue
                places.append(i)
                grey = grey and bool((each == each[..., :1]).all())
                rows.write(each.tobytes())
        require(places, "pictures", "none that can be read", f"files ending in {', '.join(KINDS)}")
        rows.flush()
        coloured = np.memmap(rows, np.uint8, "r", shape=(len(places), size, size, 3))
        images = _keep(kept, coloured[..., : 1 if grey else 3], np.array(places), broken)
    return images, np.array(places), broken


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
    small = max(1, round(image.width * scale)), max(1, round(image.height * scale))
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


def _stamp(files: Sequence[pathlib.Path], size: int) -> str:
    """Which files these are: a sha256 of their paths, sizes and times."""
    digest = hashlib.sha256(f"3 {size}".encode())
    for path in files:
        try:
            stat = path.stat()
            stamp = f"{stat.st_size} {stat.st_mtime_ns}"
        except OSError:  # a link to nowhere: `picture` will say so
            stamp = "nothing"
        digest.update(f"{path.absolute()} {stamp}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _place(kept: pathlib.Path) -> pathlib.Path:
    """The folder that pictures are brought together in: that of the cache, or where none can be made, a temporary."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return pathlib.Path(tempfile.gettempdir())
    return kept.parent if os.access(kept.parent, os.W_OK) else pathlib.Path(tempfile.gettempdir())


def _stored(kept: pathlib.Path) -> tuple[np.ndarray, np.ndarray, list[str]] | None:
    """What _keep wrote; None where there is nothing, or not what was written."""
    try:
        images = np.load(kept, mmap_mode="r")
        about = json.loads(kept.with_suffix(".json").read_text(encoding="utf-8"))
        found = images, np.array(about["places"]), about["broken"]
        return found if digest(images) == about["sha256"] else None
    except (OSError, ValueError, KeyError, EOFError):
        return None


def _keep(kept: pathlib.Path, images: np.ndarray, places: np.ndarray, broken: list[str]) -> np.ndarray:
    """Writes images to the cache and returns them mapped from there; where that cannot be, as an array in memory."""
    partial = kept.with_suffix(f".{os.getpid()}.npy")
    try:
        copy = np.lib.format.open_memmap(partial, "w+", np.uint8, images.shape)
        for start in range(0, len(images), BLOCK):
            copy[start : start + BLOCK] = images[start : start + BLOCK]
        copy.flush()
        about = {"sha256": digest(copy), "places": places.tolist(), "broken": broken}
        partial.replace(kept)
        partial.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
        partial.with_suffix(".json").replace(kept.with_suffix(".json"))
        return np.load(kept, mmap_mode="r")
    except OSError:
        partial.unlink(missing_ok=True)
        return np.array(images)


def digest(images: np.ndarray) -> str:
    """sha256 of the bytes of an array, a block at a time."""
    whole = hashlib.sha256()
    for start in range(0, len(images), BLOCK):
        whole.update(np.ascontiguousarray(images[start : start + BLOCK]).tobytes())
    return whole.hexdigest()
