"""The paper's deformations by other libraries, each called the way its documentation says, sigma and alpha converted.

Each function returns deform(images) -> images for uint8 images (B, 28, 28, 1); those that cannot be imported are left
out, and said. One image at a time where the library's random transform draws one deformation a call.
"""

import functools
import os
from collections.abc import Callable

import numpy as np

SIGMA, ALPHA, DEGREES, SCALE = 6.0, 36.0, 15.0, 0.15
os.environ.setdefault("KERAS_BACKEND", "jax")


def one_by_one(transform: Callable[[np.ndarray], np.ndarray]) -> Callable:
    return lambda images: np.stack([transform(image) for image in images])


def scipy_elastic(affine: bool) -> Callable:
    """Simard's recipe as it stands in many repositories; the affine map added to the coordinates."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    rng = np.random.default_rng(0)

    def deform(image: np.ndarray) -> np.ndarray:
        image = image[..., 0]
        noise = rng.uniform(-1, 1, (2, *image.shape))
        field = np.stack([ALPHA * gaussian_filter(n, SIGMA, mode="constant") for n in noise])
        position = np.indices(image.shape) - 13.5
        if affine:
            angle, (size_y, size_x) = np.deg2rad(rng.uniform(-DEGREES, DEGREES)), rng.uniform(1 - SCALE, 1 + SCALE, 2)
            matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            position = np.einsum("ij,jyx->iyx", np.diag([1 / size_y, 1 / size_x]) @ matrix, position)
        return map_coordinates(image.astype(np.float32), position + 13.5 + field, order=1)[..., None]

    return one_by_one(deform)


def dm_pix_elastic(affine: bool) -> Callable:
    """Under vmap and jit; the rotation and scaling a second transform."""
    import dm_pix
    import jax
    import jax.numpy as jnp

    def deform(key: jax.Array, image: jax.Array) -> jax.Array:
        elastic_key, *keys = jax.random.split(key, 3)
        image = dm_pix.elastic_deformation(elastic_key, image, ALPHA, SIGMA, mode="constant")
        if affine:
            a = jnp.deg2rad(DEGREES) * jax.random.uniform(keys[0], minval=-1.0)
            s = jax.random.uniform(keys[1], (2,), minval=1 - SCALE, maxval=1 + SCALE)
            rotation = jnp.array([[jnp.cos(a), jnp.sin(a), 0.0], [-jnp.sin(a), jnp.cos(a), 0.0], [0.0, 0.0, 1.0]])
            matrix = rotation * jnp.array([[1 / s[0]], [1 / s[1]], [1.0]])
            centre = jnp.array([13.5, 13.5, 0.0])
            image = dm_pix.affine_transform(image, matrix, offset=centre - matrix @ centre)
        return image

    whole = jax.jit(lambda key, images: jax.vmap(deform)(jax.random.split(key, len(images)), images / 255.0))
    count = iter(range(10**9))
    return lambda images: whole(jax.random.key(next(count)), jnp.asarray(images, jnp.float32))


def torchvision_elastic(affine: bool) -> Callable:
    """One call an image: a call draws one field for its whole batch. Its alpha counts half pixels."""
    import torch
    from torchvision.transforms import v2

    steps = [v2.ElasticTransform(alpha=2 * ALPHA, sigma=SIGMA)]
    if affine:
        bilinear = v2.InterpolationMode.BILINEAR
        steps.append(v2.RandomAffine(DEGREES, scale=(1 - SCALE, 1 + SCALE), interpolation=bilinear))
    transform = v2.Compose(steps)
    return one_by_one(lambda image: transform(torch.from_numpy(image.transpose(2, 0, 1))).numpy())


def kornia_elastic(affine: bool) -> Callable:
    """Whole batches. Its alpha counts half images, its kernel spans 4 sigma either way, as scipy's."""
    import kornia.augmentation as K
    import torch

    steps = [K.RandomElasticTransform((49, 49), (SIGMA, SIGMA), (2 * ALPHA / 28,) * 2, p=1.0)]
    if affine:
        steps.append(K.RandomAffine(DEGREES, scale=(1 - SCALE, 1 + SCALE), p=1.0))
    transform = K.AugmentationSequential(*steps, data_keys=["input"])
    return lambda images: transform(torch.from_numpy(images.transpose(0, 3, 1, 2)).float() / 255).numpy()


def albumentations_elastic(affine: bool) -> Callable:
    """One image a call. Uniform noise, as Simard's; its default is normal."""
    import albumentations as A

    steps = [A.ElasticTransform(alpha=ALPHA, sigma=SIGMA, noise_distribution="uniform", p=1.0)]
    if affine:
        steps.append(A.Affine(rotate=(-DEGREES, DEGREES), scale={"x": (0.85, 1.15), "y": (0.85, 1.15)}, p=1.0))
    transform = A.Compose(steps)
    return one_by_one(lambda image: transform(image=image)["image"])


def elasticdeform_grid(affine: bool) -> Callable:
    """One image a call; B-splines through a random 3 x 3 grid of 0.86 pixels rms, the amplitude of 36 / 6."""
    import elasticdeform

    del affine  # part of none of its functions that draw at random
    return one_by_one(lambda image: elasticdeform.deform_random_grid(image[..., 0], sigma=0.86, points=3)[..., None])


def keras_elastic(affine: bool) -> Callable:
    """A layer on whole batches, on JAX, at its strongest, which is alpha 2.8 and sigma 1.4; dx and dy from one key."""
    import keras

    del affine
    model = keras.Sequential([keras.layers.RandomElasticTransform(factor=(1.0, 1.0), scale=(1.0, 1.0))])
    return lambda images: np.asarray(model(images.astype(np.float32), training=True))


def keras_generator(affine: bool) -> Callable:
    """ImageDataGenerator, one image a call, as its flow does it: the affine part alone."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    del affine
    generator = ImageDataGenerator(rotation_range=DEGREES, zoom_range=SCALE, fill_mode="constant")
    return one_by_one(lambda image: generator.random_transform(image.astype(np.float32)))


MIXTURE = {
    "scipy": scipy_elastic,
    "dm_pix": dm_pix_elastic,
    "torchvision": torchvision_elastic,
    "kornia": kornia_elastic,
    "albumentations": albumentations_elastic,
}
LIBRARIES = {
    "paper": {name: functools.partial(make, True) for name, make in MIXTURE.items()},
    "elastic": {name: functools.partial(make, False) for name, make in MIXTURE.items()}
    | {"keras": functools.partial(keras_elastic, False), "elasticdeform": functools.partial(elasticdeform_grid, False)},
    "keras": {"keras": functools.partial(keras_generator, True)},
}
