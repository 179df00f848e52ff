"""InfiMNIST: the tangent model against differences, and the original's numbering against a plain transcription."""

import jax
import numpy as np
import pytest
import scipy.ndimage

from bigdeep import augment
from bigdeep.augment import infimnist
from bigdeep.augment import infimnist_original as indexed
from bigdeep.errors import BadInput
from bigdeep.sections import BadValue
from conftest import displacements, run_bigdeep

SHAPE = (28, 28, 1)


def replaced(images, labels, **parameters):
    part = infimnist.infimnist(SHAPE, **parameters)
    return np.asarray(jax.jit(part.replace)(jax.random.key(0), images, labels))


def test_tangents_are_the_derivatives_of_the_smoothed_image(digits):
    images = digits.train_images[::400].astype(np.float32)
    found = [np.asarray(t)[..., 0] for t in infimnist.tangents(images, 0.9)]
    for i, image in enumerate(images[..., 0]):
        for axis, order in enumerate([(1, 0), (0, 1)]):
            # Our kernel is the smoothing's derivative at the pixels; scipy's is normalised a little differently.
            expected = scipy.ndimage.gaussian_filter(image, 0.9, order=order, mode="constant")
            np.testing.assert_allclose(found[axis][i], expected, atol=1.0)


def test_a_small_step_is_a_small_deformation(digits):
    """x + f . grad x is the image at p + f, to first order, where the image is smooth."""
    image = scipy.ndimage.gaussian_filter(digits.train_images[0, :, :, 0].astype(float), 2.0)
    t_y, t_x = (np.asarray(t)[0, :, :, 0] for t in infimnist.tangents(image[None, :, :, None].astype(np.float32), 0.3))
    moved = scipy.ndimage.map_coordinates(image, np.indices((28, 28)) + np.array([0.1, -0.2])[:, None, None], order=3)
    inner = (slice(4, -4), slice(4, -4))
    scale = np.abs(moved - image)[inner].max()
    assert np.abs(image + 0.1 * t_y / t_y_gain(0.3) - 0.2 * t_x / t_y_gain(0.3) - moved)[inner].max() < 0.1 * scale


def t_y_gain(sigma: float) -> float:
    """The slope that the discrete kernel finds in a ramp of slope 1; far from 1 only for a sigma below a pixel."""
    middle = infimnist.derivative_matrix(41, sigma)[20]
    return float(middle @ np.arange(41))


def test_nothing_asked_for_changes_nothing(digits):
    images, labels = digits.train_images[::80], digits.train_labels[::80]
    np.testing.assert_array_equal(replaced(images, labels, alpha=0.0), images)
    assert infimnist.infimnist(SHAPE, translation=0).linear is None


def test_digits_change_where_they_have_edges_only(digits):
    images, labels = digits.train_images[::80], digits.train_labels[::80]
    changed = replaced(images, labels).astype(int) - images
    flat = scipy.ndimage.maximum_filter(images, (1, 9, 9, 1)) == scipy.ndimage.minimum_filter(images, (1, 9, 9, 1))
    assert not changed[flat].any()
    assert np.mean(changed != 0) > 0.1
    assert len(np.unique(replaced(np.repeat(images[:1], 50, 0), labels[:50]).reshape(50, -1), axis=0)) == 50


def test_thickening_changes_the_ink(digits):
    images, labels = np.repeat(digits.train_images[:1], 400, axis=0), np.repeat(digits.train_labels[:1], 400)
    ink = replaced(images, labels, alpha=0.0, thickening=0.5).sum(axis=(1, 2, 3)) / images[0].sum()
    assert ink.min() < 0.85
    assert ink.max() > 1.15


def test_fields_have_the_amplitude_asked_for(rng):
    """On a ramp of slope 1 a pixel, x' - x is the field itself."""
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, None, :, None] * 3 + 30, (500, 64, 64, 1))
    part = infimnist.infimnist((64, 64, 1), alpha=2.0)
    moved = np.asarray(part.replace(jax.random.key(0), ramp, np.zeros(500, np.uint8))).astype(float) - ramp
    assert np.std(moved[:, 32, 32]) / 3 == pytest.approx(2.0, rel=0.15)


def test_nine_translations_equally_likely():
    shifts = displacements(infimnist.infimnist(SHAPE), np.zeros(9000, np.uint8), SHAPE[:2])[:, :, 0, 0]
    pairs, counts = np.unique(shifts, axis=0, return_counts=True)
    assert len(pairs) == 9
    assert counts.min() > 850


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1.0}, "alpha: found -1.0"),
        ({"sigma": 0.0}, "sigma: found 0.0"),
        ({"sigma": 99.0}, "sigma: found 99"),
    ],
)
def test_impossible_values_are_refused(parameters, message):
    with pytest.raises(BadValue, match=message):
        infimnist.infimnist(SHAPE, **parameters)


# The original's rule, transcribed pixel by pixel, without regard to speed.


def moved_by_one(row: list[int], which: int) -> list[int]:
    c = list(row)
    if which in (4, 5, 6, 7):
        return moved_by_one(moved_by_one(c, 0 if which < 6 else 1), 2 if which % 2 == 0 else 3)
    if which == 0:
        return [c[i + 28] if i + 28 < 784 else 0 for i in range(784)]
    if which == 1:
        return [c[i - 28] if i >= 28 else 0 for i in range(784)]
    if which == 2:
        return [0 if i % 28 == 0 or i == 783 else c[i + 1] for i in range(784)]
    if which == 3:
        return [0 if (i - 1) % 28 == 0 or i == 0 else c[i - 1] for i in range(784)]
    return c


def transcribed(i, test_images, train_images, fields, tangents):
    if i < 10000:
        return list(test_images[i].ravel())
    if i < 70000:
        return list(train_images[i - 10000].ravel())
    k1 = int(np.uint64(i) * np.uint64(131071) & np.uint64(0xFFFFFFFF)) % 1521
    k2 = (k1 + 1 + 2 * i) % 1522
    a, sign = (i - 10000) % 60000, np.float32(-1 if (k1 + k2) & 1 else 1)
    pixels = []
    for j in range(784):
        f = fields[k1][j] * tangents[a][0][j] - fields[k2][j] * tangents[a][1][j]
        x = np.float32(train_images[a].ravel()[j]) + sign * f
        pixels.append(0 if x < 0 else 255 if x > 255 else int(x))
    return moved_by_one(pixels, k1 % 9)


class Sparse:
    """60,000 tangents without 376 MB: made when asked for."""

    def __getitem__(self, index):
        return np.random.default_rng(index).normal(0, 60, (2, 784)).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_numbered_digits_are_the_originals_byte_for_byte(seed):
    rng = np.random.default_rng(seed)
    test_images = rng.integers(0, 256, (10000, 28, 28), dtype=np.uint8)
    train_images = rng.integers(0, 256, (60000, 28, 28), dtype=np.uint8)
    original = indexed.Original(rng.normal(0, 1, (1522, 784)).astype(np.float32), Sparse())
    numbers = [0, 9999, 10000, 69999, 70000, 129999, 130000, 2**31 - 1, 2**31, 2**33 + 5]
    for i in [*numbers, *map(int, rng.integers(70000, 2**34, 25))]:
        expected = transcribed(i, test_images, train_images, original.fields, original.tangents)
        found = indexed.image(i, test_images, train_images, original)
        assert found.dtype == np.uint8
        assert list(found.ravel()) == expected, i


def test_all_nine_translations_are_the_originals(rng):
    digit = rng.integers(0, 256, 784, dtype=np.uint8)
    for which in range(9):
        assert list(indexed.shifted(digit, which)) == moved_by_one(list(digit), which), which


def test_labels_follow_the_numbers():
    test_labels, train_labels = np.arange(10000) % 7, np.arange(60000) % 10
    for i, expected in {5: 5, 10003: 3, 70004: 4, 130009: 9}.items():
        assert indexed.label(i, test_labels, train_labels) == expected


def test_files_of_another_size_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"fields_float_1522x28x28.bin: found 'no file'"):
        indexed.read(tmp_path)
    (tmp_path / "fields_float_1522x28x28.bin").write_bytes(b"\0" * 100)
    with pytest.raises(BadInput, match=r"found '100 bytes', expected 4772992 bytes, float32 \(1522, 784\)"):
        indexed.read(tmp_path)


def test_the_command_writes_idx_files(tmp_path, mnist):
    """Of MNIST's training digits in their order; read back by hand."""
    path = tmp_path / "deformed"
    done = run_bigdeep("bigdeep.tools.infimnist", "--count=1234", f"--output={path}")
    assert done.returncode == 0, done.stderr
    header = np.frombuffer((tmp_path / "deformed-images-idx3-ubyte").read_bytes()[:16], ">u4")
    assert list(header) == [2051, 1234, 28, 28]
    images = (tmp_path / "deformed-images-idx3-ubyte").read_bytes()[16:]
    labels = (tmp_path / "deformed-labels-idx1-ubyte").read_bytes()
    assert len(images) == 1234 * 784
    assert list(np.frombuffer(labels[:8], ">u4")) == [2049, 1234]
    assert list(labels[8:]) == list(mnist.train_labels[:1234])


def test_a_command_without_a_count_is_refused(tmp_path):
    done = run_bigdeep("bigdeep.tools.infimnist", f"--output={tmp_path / 'x'}")
    assert done.returncode == 2
    assert "--count" in done.stderr


def test_the_section_trains_through_build(digits):
    deform = augment.build([{"name": "infimnist"}], SHAPE, 10)
    found = deform(jax.random.key(0), digits.train_images[:50], digits.train_labels[:50])
    assert found.shape == (50, *SHAPE)
    grey = (np.asarray(found) + 1) * 127.5
    np.testing.assert_allclose(grey, np.rint(grey), atol=1e-3)  # whole-pixel shifts keep bytes bytes
