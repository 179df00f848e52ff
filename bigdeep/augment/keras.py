"""Keras's ImageDataGenerator: its parameters, its order of operations, its matrices."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from bigdeep import sections
from bigdeep.augment import warp
from bigdeep.augment.affine import affine_basis
from bigdeep.augment.deformation import Deformation, Fill, Linear


def keras(
    shape: tuple[int, int, int],
    rotation_range: float = 0.0,
    width_shift_range: float = 0.0,
    height_shift_range: float = 0.0,
    shear_range: float = 0.0,
    zoom_range: float | Sequence[float] = 0.0,
    brightness_range: Sequence[float] = (1.0, 1.0),
    channel_shift_range: float = 0.0,
    horizontal_flip: bool = False,
    vertical_flip: bool = False,
    fill_mode: str = "nearest",
    cval: float = 0.0,
) -> Deformation:
    """A random affine map, then channel shift, flips and brightness, as Keras's legacy ImageDataGenerator does it.

    With theta, shear ~ U[-range, range] degrees, shifts ~ U[-range, range] and zooms z_x, z_y ~ U[zoom] independent,
    the image is sampled at M p with p = (x, y, 1) from the centre and
    M = rotation(theta) shift(t_x, t_y) [[1, -sin shear], [0, cos shear]] diag(z_x, z_y):
    a zoom above 1 shrinks what is seen. Then a number ~ U[-channel_shift_range, channel_shift_range] is added, clipped
    to the image's minimum and maximum; flips with probability 1/2; a factor ~ U[brightness_range], clipped to [0, 255].

    Shift ranges: a share of the side if < 1, else pixels. zoom_range: z for [1 - z, 1 + z], or (low, high).
    fill_mode: nearest, constant (cval, not blended with the edge), reflect, wrap (period n - 1, as scipy's).
    Not as in Keras: width_shift_range shifts columns (Keras 3 draws it for rows, and height_shift_range for columns);
    whole-number shifts are as continuous as others; brightness is not rounded to bytes on the way.
    Source: keras.src.legacy.preprocessing.image, ImageDataGenerator.get_random_transform and apply_transform.
    """
    ranges = dict(rotation_range=rotation_range, width_shift_range=width_shift_range, shear_range=shear_range)
    ranges |= dict(height_shift_range=height_shift_range, channel_shift_range=channel_shift_range)
    for name, value in ranges.items():
        sections.number(name, value, "[0, inf)")
    for name, value in {"horizontal_flip": horizontal_flip, "vertical_flip": vertical_flip}.items():
        sections.check(isinstance(value, bool), name, value, "True or False")
    zoom, brightness = _pair("zoom_range", zoom_range), _pair("brightness_range", brightness_range)
    sections.choice("fill_mode", fill_mode, [mode for mode in warp.MODES if mode != "grid-constant"])
    sections.number("cval", cval, "[0, 255]")
    sides = (width_shift_range, shape[1]), (height_shift_range, shape[0])
    shifts = [limit * side if limit < 1 else limit for limit, side in sides]

    def coefficients(key: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        draws = jax.random.uniform(key, (len(labels), 6), minval=-1.0, maxval=1.0).T
        theta, shear = jnp.deg2rad(rotation_range) * draws[0], jnp.deg2rad(shear_range) * draws[1]
        zooms = [zoom[0] + (zoom[1] - zoom[0]) * (1 + draw) / 2 for draw in draws[4:]]
        return sampling(theta, shear, (shifts[0] * draws[2], shifts[1] * draws[3]), zooms)

    plain = not (channel_shift_range or horizontal_flip or vertical_flip) and brightness == (1.0, 1.0)
    retouch = None if plain else _retouching(channel_shift_range, brightness, horizontal_flip, vertical_flip)
    linear, fill = Linear(affine_basis(shape[:2]), coefficients), Fill(fill_mode, cval)
    return Deformation(linear=linear, retouch=retouch, fill=fill)


def sampling(
    theta: jax.Array, shear: jax.Array, shift: Sequence[jax.Array], zoom: Sequence[jax.Array]
) -> tuple[jax.Array, jax.Array]:
    """The rows of M - 1 for (d_y, d_x), as coefficients of (1, y, x): (B, 3) each.

    theta, shear: (B,), radians. shift, zoom: (of x, of y), (B,) each: Keras's (tx, ty) and (zx, zy).
    """
    cos, sin = jnp.cos(theta), jnp.sin(theta)
    (t_x, t_y), (z_x, z_y) = shift, zoom
    lean, squeeze = -jnp.sin(shear), jnp.cos(shear)
    of_y = [sin * t_x + cos * t_y, (sin * lean + cos * squeeze) * z_y - 1, sin * z_x]
    of_x = [cos * t_x - sin * t_y, (cos * lean - sin * squeeze) * z_y, cos * z_x - 1]
    return jnp.stack(of_y, axis=1), jnp.stack(of_x, axis=1)


def _retouching(channel_shift_range: float, brightness: Sequence[float], columns: bool, rows: bool) -> Callable:
    """Channel shift, flips (`columns` for left-right), brightness, each drawn for each image."""

    def retouch(key: jax.Array, pixels: jax.Array) -> jax.Array:
        uniform = jax.random.uniform(key, (len(pixels), 4))
        draws = [uniform[:, i, None, None, None] for i in range(4)]
        intensity = channel_shift_range * (2 * draws[0] - 1)
        factor = brightness[0] + (brightness[1] - brightness[0]) * draws[1]
        pixels = jnp.where(columns & (draws[2] < 0.5), pixels[:, :, ::-1], pixels)
        pixels = jnp.where(rows & (draws[3] < 0.5), pixels[:, ::-1], pixels)
        return relight(pixels, intensity, factor)

    return retouch


def relight(pixels: jax.Array, intensity: jax.Array, factor: jax.Array) -> jax.Array:
    """Channel shift within each image's own range, then brightness within [0, 255]."""
    axes = (1, 2, 3)
    low, high = pixels.min(axes, keepdims=True), pixels.max(axes, keepdims=True)
    return jnp.clip(jnp.clip(pixels + intensity, low, high) * factor, 0.0, 255.0)


def _pair(what: str, value: float | Sequence[float]) -> tuple[float, float]:
    """(low, high), both >= 0; a single number z in [0, 1] is (1 - z, 1 + z)."""
    if not isinstance(value, Sequence):
        sections.number(what, value, "[0, 1]")
        return 1 - value, 1 + value
    sections.check(len(value) == 2 and not isinstance(value, str), what, value, "one number in [0, 1], or (low, high)")
    for each in value:
        sections.number(what, each, "[0, inf)")
    sections.check(value[0] <= value[1], what, value, "low <= high")
    return value[0], value[1]
