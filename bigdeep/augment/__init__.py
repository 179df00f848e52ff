"""Label-preserving deformations: pure functions of (key, images, labels).

`config.augment` lists sections. Some replace pictures, most displace pixels, some retouch what comes out. The
displacements of all sections are added up, in pixels, and the images are resampled once at the sum. An empty list
leaves the images as they are. docs/deformations.md shows each of them, with its conversion to other libraries.
"""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from bigdeep import compiler, sections
from bigdeep.augment import affine, cpab, crop, elastic, generative, infimnist, keras, sharpen, warp
from bigdeep.augment.deformation import Deformation, Fill
from bigdeep.data import pixels as scaling

Augment = Callable[..., jax.Array]

SECTIONS: dict[str, Callable] = {
    "affine": affine.affine,
    "elastic": elastic.elastic,
    "infimnist": infimnist.infimnist,
    "cpab": cpab.cpab,
    "keras": keras.keras,
    "generative": generative.generative,
    "crop": crop.crop,
    "flip": crop.flip,
    "cutout": crop.cutout,
    "sharpen": sharpen.sharpen,
}


def build(listed: Sequence[Mapping], shape: Sequence[int], classes: int, dataset: str = "") -> Augment:
    """The deformation that `config.augment` describes, for images of shape (H, W, C) and labels below `classes`.

    dataset: the images' name, for sections that were fitted on one data set and suit no other; "" for none of them.
    Returns augment(key, images, labels, strength=1) -> inputs: uint8 (B, H, W[, C]) and (B,) -> float32 of the same
    shape in [-1, 1]. strength multiplies all displacements: alpha and shifts exactly, angles and scales to first order.
    What happens to an image depends on (key, its position in the batch, its label) only, not on the batch size.
    """
    sections.check(isinstance(listed, Sequence), "augment", listed, "a list of sections")
    shape = tuple(shape)
    context = {"shape": shape, "classes": classes, "dataset": dataset}
    parts = [sections.construct(f"augment[{i}]", SECTIONS, section, **context) for i, section in enumerate(listed)]
    fills = [part.fill for part in parts if part.fill]
    sections.check(len(fills) < 2, "augment", f"{len(fills)} sections with a fill_mode", "one at most")
    fill = fills[0] if fills else Fill()

    def augment(key: jax.Array, images: jax.Array, labels: jax.Array, strength: float = 1.0) -> jax.Array:
        _check_batch(images, labels, shape, classes)
        pixels = images.reshape(-1, *shape)
        keys = jax.random.split(key, (len(parts), 3))
        for part, (replace_key, _, _) in zip(parts, keys, strict=True):
            pixels = part.replace(replace_key, pixels, labels) if part.replace else pixels
        displacement = _displacement(parts, keys[:, 1], labels)
        if displacement:
            pixels = warp.bilinear(pixels, strength * displacement[0], strength * displacement[1], fill)
        pixels = pixels.astype(jnp.float32)
        for part, (_, _, retouch_key) in zip(parts, keys, strict=True):
            pixels = part.retouch(retouch_key, pixels) if part.retouch else pixels
        return compiler.computed_once(scaling.to_inputs(pixels)).reshape(images.shape)

    return augment


def _displacement(parts: Sequence[Deformation], keys: jax.Array, labels: jax.Array) -> list[jax.Array]:
    """[d_y, d_x], float32 (B, H * W) each, the sum over all parts; [] where no part displaces anything."""
    terms = [part.displace(key, labels) for part, key in zip(parts, keys, strict=True) if part.displace]
    linear = [(part.linear, key) for part, key in zip(parts, keys, strict=True) if part.linear]
    if linear:
        basis = jnp.asarray(np.concatenate([field.basis for field, _ in linear]), jnp.float32)
        coefficients = zip(*(field.coefficients(key, labels) for field, key in linear), strict=True)
        # Behind a barrier, or XLA takes the products apart again; one per axis, since one for both would be cut in two.
        joined = jax.lax.optimization_barrier([jnp.concatenate(axis, axis=1) for axis in coefficients])
        terms.append(tuple(jnp.matmul(axis, basis, precision="highest") for axis in joined))
    return [sum(axis) for axis in zip(*terms, strict=True)]


def _check_batch(images: jax.Array, labels: jax.Array, shape: tuple, classes: int) -> None:
    found = f"{images.dtype} {tuple(images.shape)}"
    fits = images.shape[1:] in (shape, shape[:2] if shape[2] == 1 else shape)
    height, width, channels = shape
    expected = f"uint8 (B, {height}, {width}{f', {channels}' if channels > 1 else '[, 1]'})"
    sections.check(images.dtype == jnp.uint8 and fits, "images", found, expected)
    sections.check(labels.shape == images.shape[:1], "labels", tuple(labels.shape), f"one per image, ({len(images)},)")
    if not isinstance(labels, jax.core.Tracer):
        host = np.asarray(labels)
        wrong = np.unique(host[(host < 0) | (host >= classes)])
        sections.check(not len(wrong), "labels", wrong[:5].tolist(), f"values in 0..{classes - 1}")
