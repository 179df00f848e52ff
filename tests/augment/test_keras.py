"""Keras's ImageDataGenerator, against scipy's resampling with its matrices, and against Keras itself where it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from bigdeep.augment import keras, warp
from bigdeep.augment.deformation import Fill
from bigdeep.sections import BadValue
from conftest import displacements

SHAPE = (28, 28, 1)
KEYS = ("theta", "tx", "ty", "shear", "zx", "zy")
FILLS = [Fill(mode, 50.0 if mode == "constant" else 0.0) for mode in ("nearest", "constant", "reflect", "wrap")]


def drawn(rng, count: int) -> list[dict]:
    """Parameters under Keras's names: degrees, pixels; x along the columns."""
    low, high = np.array([[-40, 40], [-6, 6], [-6, 6], [-25, 25], [0.7, 1.3], [0.7, 1.3]]).T
    return [dict(zip(KEYS, row, strict=True)) for row in rng.uniform(low, high, (count, 6))]


def ours(images: np.ndarray, parameters: list[dict], fill: Fill) -> np.ndarray:
    theta, tx, ty, shear, zx, zy = (jnp.asarray([p[key] for p in parameters], jnp.float32) for key in KEYS)
    rows = keras.sampling(jnp.deg2rad(theta), jnp.deg2rad(shear), (tx, ty), (zx, zy))
    basis = keras.affine_basis(images.shape[1:3]).astype(np.float32)
    return np.asarray(warp.bilinear(images, *(row @ basis for row in rows), fill))


def matrix(theta, tx, ty, shear, zx, zy) -> np.ndarray:
    """The product of the four matrices on (x, y, 1), in float64, rewritten for (y, x, 1)."""
    t, s = np.deg2rad(theta), np.deg2rad(shear)
    rotation = np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    of_xy = rotation @ shift @ np.array([[1, -np.sin(s), 0], [0, np.cos(s), 0], [0, 0, 1]]) @ np.diag([zx, zy, 1])
    return of_xy[[1, 0, 2]][:, [1, 0, 2]]


@pytest.mark.parametrize("fill", FILLS, ids=lambda fill: fill.mode)
def test_sampling_agrees_with_scipy(rng, digits, fill):
    images, parameters = digits.train_images[::200], drawn(rng, 20)
    centre = np.array([13.5, 13.5])
    for image, each, found in zip(images, parameters, ours(images, parameters, fill), strict=True):
        m = matrix(**each)
        offset = m[:2, 2] + centre - m[:2, :2] @ centre
        expected = scipy.ndimage.affine_transform(
            image[..., 0].astype(float), m[:2, :2], offset, order=1, mode=fill.mode, cval=fill.value
        )
        # A point that float32 puts on the other side of the frame's edge is lost or gained whole.
        off = np.abs(found[..., 0] - expected) > 0.02
        assert off.sum() <= (1 if fill.mode in ("constant", "wrap") else 0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:keras", "ignore:Please import `affine_transform`")
@pytest.mark.parametrize("fill", FILLS, ids=lambda fill: fill.mode)
def test_agrees_with_keras(rng, digits, fill, monkeypatch):
    """The real transform, given the same parameters; Keras is an extra of the tests and may not be there."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    image_module = pytest.importorskip("keras.src.legacy.preprocessing.image", reason="needs keras, an extra")
    generator = image_module.ImageDataGenerator(fill_mode=fill.mode, cval=fill.value)
    images, parameters = digits.train_images[::200], drawn(rng, 20)
    for image, each, found in zip(images, parameters, ours(images, parameters, fill), strict=True):
        expected = generator.apply_transform(image.astype(np.float32), each)
        off = np.abs(found - expected) > 0.05
        assert off.sum() <= (1 if fill.mode in ("constant", "wrap") else 0)
    shifted, brightness = [20.0, -35.0], [1.4, 0.6]
    for image, add, factor in zip(images, shifted, brightness, strict=False):
        each = {"channel_shift_intensity": add, "brightness": factor}
        expected = generator.apply_transform(image.astype(np.float32), each)
        found = keras.relight(jnp.asarray(image[None], jnp.float32), jnp.float32(add), jnp.float32(factor))[0]
        assert np.abs(found - expected).max() <= 1.5  # Keras goes through bytes


def test_ranges_are_those_asked_for():
    labels = np.zeros(4000, np.uint8)
    alone = {
        "rotation_range": (20.0, lambda d: np.rad2deg(np.arcsin(d[:, 0, 0, 1] - d[:, 0, 0, 0])), -20, 20),
        "width_shift_range": (0.25, lambda d: d[:, 1, 3, 3], -7, 7),
        "height_shift_range": (3.0, lambda d: d[:, 0, 3, 3], -3, 3),
        "shear_range": (30.0, lambda d: np.rad2deg(np.arcsin(d[:, 1, 0, 0] - d[:, 1, 1, 0])), -30, 30),
        "zoom_range": (0.2, lambda d: 1 + d[:, 0, 1, 0] - d[:, 0, 0, 0], 0.8, 1.2),
    }
    for name, (value, read, low, high) in alone.items():
        drawn_values = read(displacements(keras.keras(SHAPE, **{name: value}), labels, SHAPE[:2]))
        assert (drawn_values.min(), drawn_values.max()) == pytest.approx((low, high), rel=0.01), name
        assert drawn_values.std() == pytest.approx((high - low) / np.sqrt(12), rel=0.05), name


def test_zooms_of_both_axes_are_independent_and_can_be_a_pair():
    found = displacements(keras.keras(SHAPE, zoom_range=(0.5, 0.9)), np.zeros(4000, np.uint8), SHAPE[:2])
    zoom = np.stack([1 + np.diff(found[:, 0, :2, 0])[:, 0], 1 + np.diff(found[:, 1, 0, :2])[:, 0]])
    assert (zoom.min(), zoom.max()) == pytest.approx((0.5, 0.9), abs=0.01)
    assert abs(np.corrcoef(zoom)[0, 1]) < 0.05


def test_nothing_asked_for_changes_nothing(digits):
    part = keras.keras(SHAPE)
    assert not displacements(part, np.zeros(10, np.uint8), SHAPE[:2]).any()
    assert part.retouch is None
    assert part.fill == Fill("nearest", 0.0)


def test_flips_and_brightness(rng):
    pixels = rng.uniform(0, 255, (2000, 6, 6, 3)).astype(np.float32)
    part = keras.keras((6, 6, 3), horizontal_flip=True, vertical_flip=True)
    found = np.asarray(part.retouch(jax.random.key(0), pixels))
    for flipped in (pixels, pixels[:, ::-1], pixels[:, :, ::-1], pixels[:, ::-1, ::-1]):
        assert np.mean((found == flipped).all(axis=(1, 2, 3))) == pytest.approx(0.25, abs=0.04)
    bright = keras.keras((6, 6, 3), brightness_range=(0.5, 1.5)).retouch(jax.random.key(0), pixels[:, :, :, :] / 2)
    factor = np.median(np.asarray(bright) / (pixels / 2), axis=(1, 2, 3))
    assert (factor.min(), factor.max()) == pytest.approx((0.5, 1.5), abs=0.01)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rotation_range": -1.0}, "rotation_range: found -1.0"),
        ({"zoom_range": 1.5}, r"zoom_range: found 1.5, expected a number in \[0, 1\]"),
        ({"zoom_range": (1.2, 0.8)}, r"zoom_range: found \(1.2, 0.8\), expected low <= high"),
        ({"zoom_range": (0.5, "1")}, "zoom_range: found '1', expected a number"),
        ({"zoom_range": None}, "zoom_range: found None, expected a number"),
        ({"zoom_range": (1.0, float("inf"))}, "zoom_range: found inf, expected a number"),
        ({"horizontal_flip": "no"}, "horizontal_flip: found 'no', expected True or False"),
        ({"brightness_range": (-1.0, 1.0)}, "brightness_range: found -1.0"),
        ({"fill_mode": "mirror"}, "fill_mode: found 'mirror', expected one of constant, nearest, reflect, wrap"),
        ({"cval": 256.0}, "cval: found 256.0"),
    ],
)
def test_impossible_values_are_refused(parameters, message):
    with pytest.raises(BadValue, match=message):
        keras.keras(SHAPE, **parameters)
