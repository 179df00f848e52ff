"""A contact sheet: what a config's deformations do to digits.

  python -m bigdeep.tools.sheet --config=configs/augmentations.py:cpab --output=sheet.png [--samples=11 --rows=10]

A row is a training image, one of each class in turn; its first picture is the original, the others are samples.
"""

from collections.abc import Sequence

import jax
import numpy as np
from absl import flags
from PIL import Image, ImageDraw, ImageFont

from bigdeep import cli, findings
from bigdeep import experiment as experiments
from bigdeep.data import pixels
from bigdeep.errors import require
from bigdeep.run import machine

ZOOM, MARGIN, TITLE = 2, 2, 24


def sheet(experiment: experiments.Experiment, rows: int, samples: int, seed: int) -> np.ndarray:
    """uint8 (height, width, C): the originals and their samples, `rows` by `samples` + 1."""
    images, labels = experiment.data.train
    chosen = findings.one_of_each(labels, rows)
    inputs = np.repeat(images[chosen], samples, axis=0)
    deformed = jax.jit(experiment.augment)(jax.random.key(seed), inputs, np.repeat(labels[chosen], samples))
    drawn = np.asarray(pixels.to_bytes(deformed)).reshape(rows, samples, *images.shape[1:])
    cells = np.concatenate([images[chosen][:, None], drawn], axis=1)
    cells = cells.repeat(ZOOM, axis=2).repeat(ZOOM, axis=3)
    frame = ((0, 0), (0, 0), (MARGIN, 0), (MARGIN, 0), (0, 0))
    framed = np.pad(cells, frame, constant_values=96)
    _, _, height, width, channels = framed.shape
    return framed.transpose(0, 2, 1, 3, 4).reshape(rows * height, (samples + 1) * width, channels)


def shown_labels(experiment: experiments.Experiment, rows: int) -> np.ndarray:
    """The labels of the rows."""
    labels = experiment.data.train.labels
    return labels[findings.one_of_each(labels, rows)]


def titled(picture: np.ndarray, names: Sequence[str], title: str) -> Image.Image:
    """A sheet with the name of the class beside each row, and a title above."""
    cells = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    font, height = ImageFont.load_default(13), picture.shape[0] // len(names)
    left = 12 + round(max(font.getlength(name) for name in names))
    whole = Image.new(cells.mode, (left + cells.width, TITLE + cells.height), "white")
    whole.paste(cells, (left, TITLE))
    draw = ImageDraw.Draw(whole)
    draw.text((left, TITLE // 2), title, "black", font, anchor="lm")
    for row, name in enumerate(names):
        draw.text((left - 6, TITLE + (row + 0.5) * height), name, "black", font, anchor="rm")
    return whole


def main() -> None:
    """Writes the sheet that the flags ask for."""
    output = cli.output("output", ".png")
    machine.prepare()
    experiment = experiments.build(cli.config())
    rows, most = flags.FLAGS.rows, len(experiment.data.train.labels)
    require(rows <= most, "--rows", rows, f"at most the {most} training images")
    picture = sheet(experiment, rows, flags.FLAGS.samples, flags.FLAGS.seed)
    names = [experiment.data.dataset.classes[label] for label in shown_labels(experiment, rows)]
    whole = titled(picture, names, f"{experiment.config['name']}: the original, and {flags.FLAGS.samples} samples")
    whole.save(output, optimize=True)
    print(f"{output}: {whole.width} x {whole.height} pixels")


if __name__ == "__main__":
    cli.define_config()
    flags.DEFINE_string("output", None, "the picture to write, a .png file", required=True)
    flags.DEFINE_integer("rows", 10, "how many images", lower_bound=1)
    flags.DEFINE_integer("samples", 11, "how many samples of each", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "of the deformations", lower_bound=0)
    cli.run(main, __doc__)
