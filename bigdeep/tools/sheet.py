"""A contact sheet: what a config's deformations do to digits.

  python -m bigdeep.tools.sheet --config=configs/augmentations.py:cpab --output=sheet.png [--samples=11 --rows=10]

A row is a training image, one of each class in turn; its first picture is the original, the others are samples.
"""

import jax
import numpy as np
from absl import flags
from PIL import Image

from bigdeep import cli, findings
from bigdeep import experiment as experiments
from bigdeep.data import pixels
from bigdeep.errors import require
from bigdeep.run import machine

ZOOM, MARGIN = 2, 2


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


def main() -> None:
    """Writes the sheet that the flags ask for."""
    output = cli.output("output", ".png", required=True)
    machine.prepare()
    experiment = experiments.build(cli.config())
    rows, most = flags.FLAGS.rows, len(experiment.data.train.labels)
    require(rows <= most, "--rows", rows, f"at most the {most} training images")
    picture = sheet(experiment, rows, flags.FLAGS.samples, flags.FLAGS.seed)
    Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).save(output, optimize=True)
    print(f"{output}: {picture.shape[1]} x {picture.shape[0]} pixels")


if __name__ == "__main__":
    cli.define_config()
    flags.DEFINE_string("output", None, "the picture to write, a .png file", required=True)
    flags.DEFINE_integer("rows", 10, "how many images", lower_bound=1)
    flags.DEFINE_integer("samples", 11, "how many samples of each", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "of the deformations", lower_bound=0)
    cli.run(main, __doc__)
