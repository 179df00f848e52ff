"""Label-preserving deformations: pure functions of (key, images, labels).

A geometric deformation gives displacements in pixels; those of all sections are added, and the images are
resampled once at the sum. `config.augment` lists the sections; an empty list leaves the images as they are.
"""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp

from bigdeep import config
from bigdeep.augment import affine, elastic, warp

Augment = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]

GEOMETRIC = {"affine": affine.affine, "elastic": elastic.elastic}


def build(sections: Sequence[Mapping], shape: Sequence[int], classes: int) -> Augment:
    """The deformation that `config.augment` describes, for images of shape (H, W, C) and labels below `classes`.

    Returns augment(key, images, labels) -> inputs: uint8 (B, H, W, C) and (B,) -> float32 (B, H, W, C) in [-1, 1].
    What happens to an image depends on (key, its position in the batch, its label) only, not on the batch size.
    """
    fields = [
        config.construct(f"augment[{i}]", GEOMETRIC, section, shape=tuple(shape[:2]), classes=classes)
        for i, section in enumerate(sections)
    ]

    def augment(key: jax.Array, images: jax.Array, labels: jax.Array) -> jax.Array:
        if not fields:
            return warp.scale(images.astype(jnp.float32))
        displacement = sum(field(jax.random.fold_in(key, i), labels) for i, field in enumerate(fields))
        return warp.scale(warp.bilinear(images, displacement))

    return augment
