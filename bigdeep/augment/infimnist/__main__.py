"""Writes deformed digits as IDX files, as the original InfiMNIST program does.

  python -m bigdeep.augment.infimnist --count=N --output=FILE [--first=70000 --original=DIR]

Writes FILE-images-idx3-ubyte and FILE-labels-idx1-ubyte. With --original, the folder of the original program's two
data files, they are its digits number --first and following, byte for byte. Without it, fresh deformations of the
training digits with bigdeep's own fields, in order; --seed draws others.
"""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from bigdeep import augment, cli, data
from bigdeep.augment.infimnist import indexed
from bigdeep.errors import require

CHUNK = 1000


def numbered(dataset: data.Dataset, first: int, count: int, original: str) -> tuple[np.ndarray, np.ndarray]:
    """uint8 images (count, 28, 28) and labels (count,), by the original's numbering and files."""
    files = indexed.read(pathlib.Path(original))
    numbers = range(first, first + count)
    images = [indexed.image(i, dataset.test_images, dataset.train_images, files) for i in numbers]
    labels = [indexed.label(i, dataset.test_labels, dataset.train_labels) for i in numbers]
    return np.stack(images), np.array(labels, np.uint8)


def fresh(dataset: data.Dataset, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same with bigdeep's fields: the training digits in order, each time round deformed anew."""
    shape = dataset.train_images.shape[1:]
    deform = jax.jit(augment.build([{"name": "infimnist"}], shape, 10))
    chunks, labels = [], []
    for start in range(0, count, CHUNK):
        own = np.arange(start, start + CHUNK) % len(dataset.train_labels)
        key = jax.random.fold_in(jax.random.key(seed), start)
        inputs = deform(key, jnp.asarray(dataset.train_images[own]), jnp.asarray(dataset.train_labels[own]))
        chunks.append(np.rint((np.asarray(inputs) + 1) * 127.5).astype(np.uint8))
        labels.append(dataset.train_labels[own])
    return np.concatenate(chunks)[:count].reshape(count, *shape[:2]), np.concatenate(labels)[:count]


def write(path: str, images: np.ndarray, labels: np.ndarray) -> None:
    """The two IDX files: big-endian magic number and sizes, then the bytes."""
    for name, array in {"images-idx3": images, "labels-idx1": labels}.items():
        header = np.array([0x800 + array.ndim, *array.shape], ">u4").tobytes()
        pathlib.Path(f"{path}-{name}-ubyte").write_bytes(header + array.tobytes())


def main() -> None:
    """Writes the files that the flags ask for."""
    count, output, original = flags.FLAGS.count, flags.FLAGS.output, flags.FLAGS.original
    folder = pathlib.Path(f"{output}-images").absolute().parent
    require(folder.is_dir(), "--output", output, "a path in an existing folder")
    dataset = data.load("mnist", "auto", "")
    if original:
        require(dataset.name == "mnist", "--original", dataset.name, "all of MNIST, whose digits are numbered")
        images, labels = numbered(dataset, flags.FLAGS.first, count, original)
    else:
        images, labels = fresh(dataset, count, flags.FLAGS.seed)
    write(output, images, labels)


if __name__ == "__main__":
    flags.DEFINE_integer("count", None, "how many digits to write", lower_bound=1, required=True)
    flags.DEFINE_string("output", None, "the files' common path, before -images-idx3-ubyte", required=True)
    flags.DEFINE_integer("first", indexed.TEST + indexed.TRAIN, "with --original: the first number", lower_bound=0)
    flags.DEFINE_string("original", "", "a folder with the original program's two data files")
    flags.DEFINE_integer("seed", 0, "without --original: of the random fields", lower_bound=0)
    cli.run(main, __doc__)
