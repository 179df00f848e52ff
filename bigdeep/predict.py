r"""Reads digits: photos, drawings, scans, or files of many, by a trained net.

  python -m bigdeep.predict --workdir=runs/mlp5 seven.jpg              seven.jpg: 7 (99.8 %), else 1 (0.1 %)
  python -m bigdeep.predict --workdir=runs/mlp5 --json scans/          a JSON object a line, of every image in a folder
  python -m bigdeep.predict --workdir=runs/mlp5 t10k-images-idx3-ubyte.gz        an IDX file, image by image
  python -m bigdeep.predict --workdir=runs/mlp5 --show=seen.png a.png b.webp     and a picture of what the net saw

A digit of any size, dark on light or light on dark, is cut out and brought into MNIST's frame (bigdeep/data/photo.py).
Says where an image does not look like one digit, or where the net is unsure (below 90 %). A file that cannot be read
gets a line on standard error and stops none of the others; the exit code is 2 then.
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
from bigdeep.data import files as datafiles
from bigdeep.data import photo, pictures, pixels
from bigdeep.errors import BadInput, require, tell
from bigdeep.run import folder, machine
from bigdeep.step import EVALUATION_BATCH

SURE = 0.9  # probability below which a reading is called unsure
AT_ONCE = 20 * EVALUATION_BATCH  # images read, and classified, together


class Reading(NamedTuple):
    """name: the file, and the number within it; digit: what the net saw; scores: probabilities (classes,)."""

    name: str
    digit: photo.Digit
    scores: np.ndarray

    def record(self) -> dict:
        """{file, label, probability, second, second_probability, doubt}."""
        first, second = (int(c) for c in np.argsort(-self.scores, kind="stable")[:2])
        probability = float(self.scores[first])
        doubt = self.digit.doubt or ("the net is unsure" if probability < SURE else "")
        guesses = {"label": first, "probability": round(probability, 4), "second": second}
        return {
            "file": self.name,
            **guesses,
            "second_probability": round(float(self.scores[second]), 4),
            "doubt": doubt,
        }

    def line(self) -> str:
        """The same for people."""
        r = self.record()
        text = f"{r['file']}: {r['label']} ({100 * r['probability']:.1f} %)"
        text += f", else {r['second']} ({100 * r['second_probability']:.1f} %)"
        return text + (f"; {r['doubt']}" if r["doubt"] else "")


def found(path: pathlib.Path) -> list[pathlib.Path]:
    """The files that a path means: itself, or every image in a folder and below, in order."""
    if not path.is_dir():
        return [path]
    images = sorted(each for each in path.rglob("*") if each.suffix.lower() in pictures.KINDS and each.is_file())
    require(images, str(path), "no image in it", f"files ending in {', '.join(pictures.KINDS)}")
    return images


def digits(path: pathlib.Path) -> list[tuple[str, photo.Digit]] | str:
    """(name, digit) of each image in a file, or what is wrong with it."""
    try:
        if "idx3" in path.name:
            images = datafiles.images(path)
            return [(f"{path}[{i}]", photo.framed(image[..., 0], str(path))) for i, image in enumerate(images)]
        return [(str(path), photo.read(path))]
    except BadInput as error:
        return str(error)


class Reader:
    """A net that reads digits."""

    def __init__(self, workdir: pathlib.Path):
        self._net = folder.net(workdir)
        height, width, channels = self._net.dataset["shape"]
        fits = channels == 1 and height == width >= photo.SIDE
        shape = f"{height} x {width} x {channels}"
        require(fits, f"--workdir {workdir}", f"a net for images of {shape}", "one for grey digits")
        self._size = height
        self._probabilities = jax.jit(lambda p, s, images: jax.nn.softmax(self._net.logits(p, s, images)))

    def __call__(self, seen: Sequence[tuple[str, photo.Digit]]) -> list[Reading]:
        """The readings of named digits; the net runs on whole batches, so that few sizes are ever compiled."""
        if not seen:
            return []
        count = -(-len(seen) // EVALUATION_BATCH) * EVALUATION_BATCH
        images = np.zeros((count, photo.SIDE, photo.SIDE, 1), np.uint8)
        for i, (_, digit) in enumerate(seen):
            images[i, ..., 0] = digit.pixels
        images = pixels.padded(images, self._size)
        scores = np.asarray(self._probabilities(self._net.params, self._net.model_state, images))
        return [Reading(name, digit, row) for (name, digit), row in zip(seen, scores, strict=False)]


def readings(reader: Reader, paths: Sequence[pathlib.Path]) -> Iterator[Reading | str]:
    """Of every file in order a reading, of IDX files one an image, or a line that says what is wrong with the file."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), AT_ONCE):
            read = list(pool.map(digits, paths[start : start + AT_ONCE]))
            told = iter(reader([digit for each in read if isinstance(each, list) for digit in each]))
            for each in read:
                yield from [each] if isinstance(each, str) else (next(told) for _ in each)


def shown(seen: Sequence[Reading], columns: int = 10) -> Image.Image:
    """What the net saw, magnified, row by row."""
    zoom, gap = 3, 4
    side = zoom * photo.SIDE + gap
    picture = Image.new("L", (min(columns, len(seen)) * side, -(-len(seen) // columns) * side), 128)
    for i, reading in enumerate(seen):
        image = Image.fromarray(reading.digit.pixels).resize((side - gap, side - gap), Image.Resampling.NEAREST)
        picture.paste(image, (i % columns * side + gap // 2, i // columns * side + gap // 2))
    return picture


def main() -> None:
    """Prints a line for each image."""
    options, output = flags.FLAGS, cli.output("show", ".png")
    require(cli.words(), "command line", "no image", "files or folders behind the flags")
    wrong, seen, paths = [], [], []
    for word in cli.words():
        try:
            paths += found(pathlib.Path(word).expanduser())
        except BadInput as error:
            wrong.append(str(error))
            tell(f"bigdeep: {error}")
    machine.prepare()
    for reading in readings(Reader(cli.folders(options.workdir)[0]), paths):
        if isinstance(reading, str):
            wrong.append(reading)
            tell(f"bigdeep: {reading}")
            continue
        print(json.dumps(reading.record()) if options.json else reading.line())
        seen += [reading] if output else []
    if seen:
        shown(seen).save(output)
    if wrong:
        raise BadInput(f"images: found {len(wrong)} that cannot be read, expected digits in all of them")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "the folder of a run that was trained on digits", required=True)
    flags.DEFINE_bool("json", False, "a JSON object a line")
    flags.DEFINE_string("show", "", "a .png file for a picture of what the net saw")
    cli.run(main, __doc__, words="IMAGE…")
