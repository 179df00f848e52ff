"""Writes deformed digits as IDX files, as the original InfiMNIST program does.

  python -m bigdeep.tools.infimnist --count=N --output=FILE [--first=70000 --original=DIR]

Writes FILE-images-idx3-ubyte and FILE-labels-idx1-ubyte, a thousand digits at a time. With --original, the folder of
the original program's two data files, they are its digits number --first and following, byte for byte. Without it,
fresh deformations with bigdeep's own fields of the training digits that have these numbers; --seed draws others.
"""

import pathlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from bigdeep import augment, cli, data
from bigdeep.augment import infimnist_original as indexed
from bigdeep.data import pixels
from bigdeep.errors import require

CHUNK = 1000
FIRST = indexed.TEST + indexed.TRAIN

Chunk = Callable[[range], tuple[np.ndarray, np.ndarray]]


def numbered(dataset: data.Dataset, original: str) -> Chunk:
    """numbers -> uint8 images (count, 28, 28) and labels (count,), by the original's numbering and files."""
    files = indexed.read(pathlib.Path(original).expanduser())

    def chunk(numbers: range) -> tuple[np.ndarray, np.ndarray]:
        images = [indexed.image(i, dataset.test_images, dataset.train_images, files) for i in numbers]
        labels = [indexed.label(i, dataset.test_labels, dataset.train_labels) for i in numbers]
        return np.stack(images), np.array(labels, np.uint8)

    return chunk


def fresh(dataset: data.Dataset, seed: int) -> Chunk:
    """The same with bigdeep's fields: number i is a deformation of training digit (i - 70000) mod their count."""
    shape = dataset.train_images.shape[1:]
    deform = jax.jit(augment.build([{"name": "infimnist"}], shape, 10))

    def chunk(numbers: range) -> tuple[np.ndarray, np.ndarray]:
        index = np.arange(numbers.start - FIRST, numbers.start - FIRST + CHUNK) % len(dataset.train_labels)
        key = jax.random.fold_in(jax.random.key(seed), numbers.start - FIRST)
        images, labels = dataset.train_images[index], dataset.train_labels[index]
        inputs = deform(key, jnp.asarray(images), jnp.asarray(labels))
        count = len(numbers)
        return np.asarray(pixels.to_bytes(inputs))[:count].reshape(count, *shape[:2]), labels[:count]

    return chunk


def write(path: str, chunk: Chunk, first: int, count: int) -> None:
    """The two IDX files: big-endian magic number and sizes, then the bytes."""
    names = (f"{path}-images-idx3-ubyte", f"{path}-labels-idx1-ubyte")
    with pathlib.Path(names[0]).open("wb") as images, pathlib.Path(names[1]).open("wb") as labels:
        images.write(np.array([0x803, count, indexed.SIDE, indexed.SIDE], ">u4").tobytes())
        labels.write(np.array([0x801, count], ">u4").tobytes())
        for start in range(first, first + count, CHUNK):
            pictures, classes = chunk(range(start, min(start + CHUNK, first + count)))
            images.write(pictures.tobytes())
            labels.write(classes.tobytes())


def main() -> None:
    """Writes the files that the flags ask for."""
    first, output, original = flags.FLAGS.first, flags.FLAGS.output, flags.FLAGS.original
    folder = pathlib.Path(f"{output}-images").absolute().parent
    require(folder.is_dir(), "--output", output, "a path in an existing folder")
    dataset = data.load("mnist", "auto", "")
    if original:
        require(dataset.name == "mnist", "--original", dataset.name, "all of MNIST, whose digits are numbered")
    else:
        require(first >= FIRST, "--first", first, f"at least {FIRST} without --original: digits below are undeformed")
    write(
        output, numbered(dataset, original) if original else fresh(dataset, flags.FLAGS.seed), first, flags.FLAGS.count
    )


if __name__ == "__main__":
    flags.DEFINE_integer("count", None, "how many digits to write", lower_bound=1, required=True)
    flags.DEFINE_string("output", None, "the files' common path, before -images-idx3-ubyte", required=True)
    flags.DEFINE_integer("first", indexed.TEST + indexed.TRAIN, "the first number", lower_bound=0)
    flags.DEFINE_string("original", "", "a folder with the original program's two data files")
    flags.DEFINE_integer("seed", 0, "without --original: of the random fields", lower_bound=0)
    cli.run(main, __doc__)
