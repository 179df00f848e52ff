r"""Reads digits: photos, drawings, scans, or files of many, by a trained net, that of the package if no other is given.

  python -m bigdeep.predict seven.jpg                            seven.jpg: 7 (99.8 %), else 1 (0.1 %)
  python -m bigdeep.predict --json scans/                        a JSON object a line, of every image in a folder
  python -m bigdeep.predict t10k-images-idx3-ubyte.gz            an IDX file, image by image
  python -m bigdeep.predict --show=seen.png a.png b.webp         and a picture of what the net saw
  python -m bigdeep.predict --workdir=runs/mlp5 seven.jpg        by a net of one's own
  python -m bigdeep.predict --page=draw.html                     a page to draw on, the net inside; --serve opens one

A digit of any size, dark on light or light on dark, is cut out and brought into MNIST's frame (bigdeep/data/photo.py).
Says where an image does not look like one digit, or where the net is unsure (below 90 %). Nets that were trained on
other images than MNIST's see them scaled as in their training. A file that cannot be read gets a line on standard error
and stops none of the others; the exit code is 2 then.
"""

import concurrent.futures
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np
from absl import flags
from PIL import Image

from bigdeep import cli
from bigdeep.data import files, photo, pictures, pixels
from bigdeep.errors import BadInput, require, tell
from bigdeep.report import draw
from bigdeep.report.run import DIGITS
from bigdeep.report.serve import serve
from bigdeep.run import files as run_files
from bigdeep.run import folder, machine, pretrained
from bigdeep.step import EVALUATION_BATCH

IDX = "idx3"  # in the name of a file in MNIST's format
SURE = 0.9  # probability, calibrated, below which a reading is called unsure
AT_ONCE = 20 * EVALUATION_BATCH  # images read, and classified, together
LARGE = 50_000  # bytes, beyond which decoding a file in a thread of its own pays


class Reading(NamedTuple):
    """name: the file, and the number in it; digit: what the net saw; scores: probabilities of the classes `names`."""

    name: str
    digit: photo.Digit
    scores: np.ndarray
    names: Sequence[str] = files.DIGITS

    def record(self) -> dict:
        """{file, label, probability, second, second_probability, doubt}; labels as numbers where they are digits."""
        first, second = (int(c) for c in np.argsort(-self.scores, kind="stable")[:2])
        probability = float(self.scores[first])
        doubt = self.digit.doubt or ("the net is unsure" if probability < SURE else "")
        guesses = {"label": self._label(first), "probability": round(probability, 4), "second": self._label(second)}
        return {
            "file": self.name,
            **guesses,
            "second_probability": round(float(self.scores[second]), 4),
            "doubt": doubt,
        }

    def _label(self, place: int) -> int | str:
        return int(self.names[place]) if self.names[place].isdecimal() else self.names[place]

    def line(self) -> str:
        """The same for people."""
        r = self.record()
        name = r["file"].replace("\n", "\\n")
        text = f"{name}: {r['label']} ({100 * r['probability']:.1f} %)"
        text += f", else {r['second']} ({100 * r['second_probability']:.1f} %)"
        return text + (f"; {r['doubt']}" if r["doubt"] else "")


def found(path: pathlib.Path) -> list[pathlib.Path]:
    """The files that a path means: itself, or every image in a folder and below, in order."""
    if not path.is_dir():
        return [path]
    inside = (each for each in path.rglob("*") if each.is_file() and not _hidden(each.relative_to(path)))
    images = sorted(each for each in inside if each.suffix.lower() in pictures.KINDS or IDX in each.name)
    require(images, str(path), "no image in it", f"files ending in {', '.join(pictures.KINDS)}")
    return images


def _hidden(path: pathlib.Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


class Reader:
    """A net that reads images."""

    def __init__(self, workdir: pathlib.Path | str):
        self._net = folder.net(workdir)
        self._shape = tuple(self._net.dataset["shape"])
        self._names = self._net.dataset["names"]
        self._digits = self._net.dataset["name"] in DIGITS
        height, width, channels = self._shape
        fits = height == width and channels in (1, 3)
        require(fits, f"--workdir {workdir}", f"a net for images of {height} x {width} x {channels}", "square ones")
        self._probabilities = jax.jit(self._net.probabilities)

    def read(self, path: pathlib.Path) -> list[tuple[str, photo.Digit]] | str:
        """(name, what the net is to see) of each image in a file, or what is wrong with it."""
        try:
            if IDX in path.name and path.suffix.lower() not in pictures.KINDS:
                images = files.images(path)
                return [(f"{path}[{i}]", self._framed(image[..., 0], str(path))) for i, image in enumerate(images)]
            if self._digits:
                return [(str(path), photo.read(path))]
            return [(str(path), photo.Digit(self._channels(pictures.picture(path, self._shape[0])), ""))]
        except BadInput as error:
            return str(error)

    def _framed(self, image: np.ndarray, what: str) -> photo.Digit:
        """An image of an IDX file; for other nets than those of digits it is of their size already."""
        if self._digits:
            return photo.framed(image, what)
        smaller = image.shape[0] <= self._shape[0] and image.shape[0] == image.shape[1]
        require(smaller, what, f"images of {image.shape}", f"at most {self._shape[:2]}")
        return photo.Digit(self._channels(pixels.padded(image[None, ..., None], self._shape[0])[0]), "")

    def _channels(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 1 or 3) with as many channels as the net takes."""
        if image.shape[2] == self._shape[2]:
            return image
        grey = np.asarray(Image.fromarray(image).convert("L"))[..., None] if image.shape[2] == 3 else image
        return np.repeat(grey, self._shape[2], axis=2)

    def __call__(self, seen: Sequence[tuple[str, photo.Digit]]) -> list[Reading]:
        """The readings of named images; the net runs on whole batches, so that few sizes are ever compiled."""
        if not seen:
            return []
        count = -(-len(seen) // EVALUATION_BATCH) * EVALUATION_BATCH
        shape = (photo.SIDE, photo.SIDE, 1) if self._digits else self._shape
        images = np.zeros((count, *shape), np.uint8)
        for i, (_, digit) in enumerate(seen):
            images[i] = digit.pixels.reshape(shape)
        images = pixels.padded(images, self._shape[0])
        scores = np.asarray(self._probabilities(self._net.params, self._net.model_state, images))
        return [Reading(name, digit, row, self._names) for (name, digit), row in zip(seen, scores, strict=False)]


def readings(reader: Reader, paths: Sequence[pathlib.Path]) -> Iterator[Reading | str]:
    """Of every file in order a reading, of IDX files one an image, or a line that says what is wrong with the file."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), AT_ONCE):
            some = paths[start : start + AT_ONCE]
            large = {path: pool.submit(reader.read, path) for path in some if _size(path) > LARGE}
            read = [large[path].result() if path in large else reader.read(path) for path in some]
            told = iter(reader([digit for each in read if isinstance(each, list) for digit in each]))
            for each in read:
                yield from [each] if isinstance(each, str) else (next(told) for _ in each)


def _size(path: pathlib.Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def shown(seen: Sequence[Reading], columns: int = 10) -> Image.Image:
    """What the net saw, magnified, row by row."""
    zoom, gap = 3, 4
    side = zoom * seen[0].digit.pixels.shape[0] + gap
    size = (min(columns, len(seen)) * side, -(-len(seen) // columns) * side)
    grey = np.squeeze(seen[0].digit.pixels).ndim == 2
    picture = Image.new("L" if grey else "RGB", size, "#808080")
    for i, reading in enumerate(seen):
        cell = np.squeeze(reading.digit.pixels)
        image = Image.fromarray(cell).resize((side - gap, side - gap), Image.Resampling.NEAREST)
        picture.paste(image, (i % columns * side + gap // 2, i // columns * side + gap // 2))
    return picture


def drawing_page(workdir: pathlib.Path | str) -> str:
    """A page to draw on, with the net of a run inside."""
    net = folder.net(workdir)
    weights = jax.tree.map(np.asarray, {"params": net.params, "model_state": net.model_state})
    return draw.page(net.config, net.dataset, weights, folder.read_result(workdir), net.temperature)


def main() -> None:
    """Prints a line for each image, or makes the page to draw on."""
    options, shown_in, page = flags.FLAGS, cli.optional_output("show", ".png"), cli.optional_output("page", ".html")
    drawing = bool(page or options.serve)
    named = cli.words() and all(cli.words())
    enough = named or (drawing and not cli.words() and not shown_in)
    require(enough, "command line", "no image", "files or folders behind the flags")
    wrong, paths = [], []
    for word in cli.words():
        try:
            paths += found(pathlib.Path(word).expanduser())
        except BadInput as error:
            wrong.append(str(error))
            tell(f"bigdeep: {error}")
    machine.prepare()
    workdir = cli.folder(options.workdir)
    if drawing:
        content = drawing_page(workdir)
        if page:
            run_files.write_text(page, content)
            tell(f"bigdeep: {page}")
    if cli.words():
        wrong += _read(workdir, paths, shown_in, options.json)
    if wrong:
        raise BadInput(f"images: found {len(wrong)} that cannot be read, expected digits in all of them")
    if options.serve:
        serve(lambda: content, options.port)


def _read(
    workdir: pathlib.Path, paths: Sequence[pathlib.Path], shown_in: pathlib.Path | None, as_json: bool
) -> list[str]:
    """Prints the readings, and what was wrong with a file; returns the latter."""
    wrong, seen = [], []
    for reading in readings(Reader(workdir), paths):
        if isinstance(reading, str):
            wrong.append(reading)
            tell(f"bigdeep: {reading}")
            continue
        print(json.dumps(reading.record()) if as_json else reading.line())
        seen += [reading] if shown_in else []
    if seen and shown_in:
        shown(seen).save(shown_in)
    return wrong


if __name__ == "__main__":
    default = f"{pretrained.PREFIX}{pretrained.DEFAULT}"
    flags.DEFINE_string("workdir", default, "a run's folder, a net in a file, or pretrained:NAME")
    flags.DEFINE_bool("json", False, "a JSON object a line")
    flags.DEFINE_string("show", "", "a .png file for a picture of what the net saw")
    flags.DEFINE_string("page", "", "an .html file to draw on, with the net inside")
    flags.DEFINE_bool("serve", False, "show that page on 127.0.0.1")
    flags.DEFINE_integer("port", 0, "where to; 0 for any free one", lower_bound=0, upper_bound=65535)
    cli.run(main, __doc__, words="IMAGE…")
