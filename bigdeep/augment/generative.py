"""Generated digits: samples of a class-conditional generative adversarial net in the place of training images."""

import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bigdeep import sections
from bigdeep.augment import gan
from bigdeep.augment.deformation import Deformation
from bigdeep.data import pixels as scaling
from bigdeep.errors import BadInput, first_line, require

MNIST = pathlib.Path(__file__).parent / "fitted" / "generative.npz"  # of MNIST, by bigdeep.tools.fit_generator
LATENT = 64


class Fitted(NamedTuple):
    """params: of gan.Generator, nested dicts. shape: (H, W, C) of its images. classes: how many. dataset: its name."""

    params: Any
    shape: tuple[int, int, int]
    classes: int
    dataset: str


def generative(
    shape: tuple[int, int, int], classes: int, dataset: str, fraction: float = 0.5, path: str = ""
) -> Deformation:
    """Replaces each image, with probability `fraction`, by a generated one of the same label.

    fraction: in [0, 1]. path: a file of `python -m bigdeep.tools.fit_generator`; "" for the one fitted on MNIST's
    training set. Where images are larger than the generator's, its images are padded with black as `data.size` does.
    Source: the idea is that of Salimans et al. 2016 (arXiv 1606.03498), there for few labels.
    """
    sections.number("fraction", fraction, "[0, 1]")
    sections.check(isinstance(path, str), "path", path, "a file name")
    fitted = load(pathlib.Path(path) if path else MNIST)
    described = f"{path or MNIST.name} for images {fitted.shape}, {fitted.classes} classes"
    fits = all(a <= b for a, b in zip(fitted.shape, shape, strict=True)) and fitted.shape[2] == shape[2]
    fits = fits and fitted.classes == classes
    sections.check(fits, "path", described, f"a file for images of at most {shape} and {classes} classes")
    same = dataset.removesuffix("-5k") in ("", fitted.dataset)
    sections.check(same, "path", f"a generator of {fitted.dataset}", f"one of {dataset}")
    margins = scaling.margins(fitted.shape, shape)

    def replace(key: jax.Array, images: jax.Array, labels: jax.Array) -> jax.Array:
        choice, sample_key = jax.random.split(key)
        chosen = jax.random.bernoulli(choice, fraction, (len(images), 1, 1, 1))
        return jnp.where(chosen, jnp.pad(sample(sample_key, fitted, labels), margins), images)

    return Deformation(replace=replace)


def sample(key: jax.Array, fitted: Fitted, labels: jax.Array) -> jax.Array:
    """One image for each label, uint8 (B, H, W, C)."""
    z = jax.random.normal(key, (len(labels), LATENT))
    pixels: Any = generator(fitted).apply({"params": fitted.params}, z, labels)
    return jnp.round(255 * pixels).astype(jnp.uint8).reshape(-1, *fitted.shape)


def generator(fitted: Fitted) -> gan.Generator:
    """The net that the parameters are of."""
    widths = [len(fitted.params[name]["bias"]) for name in sorted(fitted.params) if name.startswith("layer")]
    return gan.Generator(tuple(widths), fitted.classes, int(np.prod(fitted.shape)))


def save(path: pathlib.Path, fitted: Fitted, **about: Any) -> None:
    """As .npz without pickle, the weights in half precision."""
    leaves: dict[str, Any] = {
        f"{layer}/{name}": np.float16(leaf) for layer, of in fitted.params.items() for name, leaf in of.items()
    }
    about |= {"shape": fitted.shape, "classes": fitted.classes, "dataset": fitted.dataset}
    np.savez_compressed(path, **leaves, **about)


def load(path: pathlib.Path) -> Fitted:
    """A fitted file; raises BadInput where it is missing, damaged or something else."""
    require(path.is_file(), f"generator {path}", "no file", "one of python -m bigdeep.tools.fit_generator")
    params: dict = {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            for name in (name for name in stored if "/" in name):
                layer, leaf = name.split("/")
                params.setdefault(layer, {})[leaf] = jnp.asarray(stored[name], jnp.float32)
            height, width, channels = map(int, stored["shape"])
            fitted = Fitted(params, (height, width, channels), int(stored["classes"]), str(stored["dataset"]))
        if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params)):
            raise ValueError("weights that are no numbers")
        example = jnp.zeros(1, jnp.int32)
        jax.eval_shape(lambda: sample(jax.random.key(0), fitted, example))
    except Exception as error:  # zip, zlib, numpy and flax each have their own for a damaged file
        found = f"{type(error).__name__}: {first_line(error)}"
        raise BadInput(f"generator {path}: found {found!r}, expected an intact .npz of fit_generator") from error
    return fitted
