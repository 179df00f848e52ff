"""Rotation, shear and scaling, against scipy and by class."""

import numpy as np
import pytest
import scipy.ndimage

from bigdeep.augment import affine, warp
from bigdeep.augment.deformation import Fill
from bigdeep.sections import BadValue
from conftest import displacements

SHAPE = (29, 29)
NONE = (0.0,) * 10


def fields(labels: np.ndarray, seed: int = 1, **parameters) -> np.ndarray:
    arguments = {"rotation": NONE, "shear_share": 0.0, "scale": 0.0, "translation": 0.0, **parameters}
    return displacements(affine.affine(**arguments, shape=(*SHAPE, 1), classes=10), labels, SHAPE, seed)


def resampled(images: np.ndarray, field: np.ndarray) -> np.ndarray:
    d_y, d_x = np.moveaxis(field.reshape(len(field), 2, -1), 1, 0)
    return np.asarray(warp.bilinear(images, d_y, d_x, Fill()))


def matrices(labels: np.ndarray, **parameters) -> np.ndarray:
    """(B, 2, 2): the linear maps (y, x) -> (y, x) of sampling positions about the centre, read off the fields."""
    field = fields(labels, **parameters).astype(np.float64)
    slopes = [np.diff(field, axis=axis)[:, :, 3, 3] for axis in (2, 3)]
    return np.stack(slopes, axis=-1) + np.eye(2)


def angles(label: int, **parameters) -> np.ndarray:
    rotation = (15.0, 7.5, 15.0, 15.0, 15.0, 15.0, 15.0, 7.5, 15.0, 15.0)
    m = matrices(np.full(4000, label, np.uint8), rotation=rotation, **parameters)
    return np.rad2deg(np.arctan2(m[:, 0, 1], m[:, 0, 0]))


def test_is_linear_about_the_centre_and_agrees_with_scipy(digits):
    images, labels = np.pad(digits.train_images[::500], [(0, 0), (0, 1), (0, 1), (0, 0)]), digits.train_labels[::500]
    parameters = {"rotation": (40.0,) * 10, "shear_share": 0.5, "scale": 0.2}
    found = resampled(images, fields(labels, **parameters))[..., 0]
    centre = np.array([14.0, 14.0])
    for image, matrix, deformed in zip(images[..., 0], matrices(labels, **parameters), found, strict=True):
        offset = centre - matrix @ centre
        expected = scipy.ndimage.affine_transform(image.astype(float), matrix, offset, order=1, mode="grid-constant")
        np.testing.assert_allclose(deformed / 255, expected / 255, atol=1e-4)


@pytest.mark.parametrize(("label", "limit"), [(0, 15.0), (1, 7.5), (7, 7.5), (9, 15.0)])
def test_angle_depends_on_the_class(label, limit):
    found = angles(label)
    assert np.abs(found).max() <= limit + 1e-3
    assert np.abs(found).max() > 0.99 * limit
    assert np.std(found) == pytest.approx(limit / np.sqrt(3), rel=0.05)
    assert abs(np.mean(found)) < 0.05 * limit


def test_rotation_preserves_lengths_and_shear_keeps_rows():
    labels = np.zeros(4000, np.uint8)
    rotated = matrices(labels, rotation=(15.0,) * 10)
    np.testing.assert_allclose(
        rotated @ rotated.transpose(0, 2, 1), np.broadcast_to(np.eye(2), (4000, 2, 2)), atol=1e-5
    )
    sheared = matrices(labels, rotation=(15.0,) * 10, shear_share=1.0)
    np.testing.assert_allclose(sheared[:, 0], np.broadcast_to([1.0, 0.0], (4000, 2)), atol=1e-5)
    np.testing.assert_allclose(sheared[:, 1, 1], 1.0, atol=1e-5)
    assert np.abs(sheared[:, 1, 0]).max() == pytest.approx(np.tan(np.deg2rad(15)), rel=0.01)


def test_share_of_sheared_images():
    mixed = matrices(np.zeros(4000, np.uint8), rotation=(15.0,) * 10, shear_share=0.25)
    assert np.mean(np.abs(mixed[:, 0, 1]) < 1e-6) == pytest.approx(0.25, abs=0.03)


def test_a_dot_turns_where_the_field_says():
    """Sampling positions turned by -a turn the picture by a: a dot right of the centre moves up for a > 0."""
    image = np.zeros((1, *SHAPE, 1), np.uint8)
    image[0, 14, 24] = 255
    for seed in range(5):
        field = fields(np.zeros(1, np.uint8), seed, rotation=80.0)
        turn = np.arctan2(float(np.diff(field, axis=3)[0, 0, 3, 3]), float(np.diff(field, axis=2)[0, 0, 3, 3]) + 1)
        turned = resampled(image, field)[0, :, :, 0]
        row, column = np.unravel_index(turned.argmax(), SHAPE)
        assert (row - 14, column - 14) == pytest.approx((-10 * np.sin(turn), 10 * np.cos(turn)), abs=0.8)


def test_scales_of_both_axes_are_uniform_and_independent():
    size = 1 / np.diagonal(matrices(np.zeros(4000, np.uint8), scale=0.15), axis1=1, axis2=2)
    assert size.min() == pytest.approx(0.85, abs=1e-3)
    assert size.max() == pytest.approx(1.15, abs=1e-3)
    np.testing.assert_allclose(size.std(axis=0), 0.15 / np.sqrt(3), rtol=0.05)
    assert abs(np.corrcoef(size.T)[0, 1]) < 0.05


def test_translation_shifts_the_whole_image():
    found = fields(np.zeros(4000, np.uint8), translation=3.0)
    assert np.abs(found - found[:, :, :1, :1]).max() < 1e-5
    assert np.abs(found).max() == pytest.approx(3.0, abs=0.01)
    np.testing.assert_allclose(found[:, :, 0, 0].std(axis=0), 3 / np.sqrt(3), rtol=0.05)
    assert abs(np.corrcoef(found[:, :, 0, 0].T)[0, 1]) < 0.05


def test_one_angle_is_that_of_all_classes():
    labels = np.arange(10, dtype=np.uint8)
    assert np.array_equal(fields(labels, rotation=20.0), fields(labels, rotation=(20.0,) * 10))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rotation": (91.0,) * 10}, "rotation: found 91.0"),
        ({"rotation": "15"}, "rotation: found .15., expected one angle, or one for each of the 10 classes"),
        ({"rotation": (15.0,) * 9}, "expected one angle, or one for each of the 10 classes"),
        ({"shear_share": 1.5}, "shear_share: found 1.5"),
        ({"scale": 1.0}, "scale: found 1.0"),
        ({"translation": -1.0}, "translation: found -1.0"),
    ],
)
def test_impossible_values_are_refused(parameters, message):
    with pytest.raises(BadValue, match=message):
        matrices(np.zeros(1, np.uint8), **parameters)
