"""The mixture of deformations that a config lists."""

import jax
import numpy as np
import pytest
from PIL import Image

from bigdeep import augment
from bigdeep.sections import BadValue
from conftest import run_bigdeep

PAPER = [
    {
        "name": "affine",
        "rotation": [15.0, 7.5, *[15.0] * 5, 7.5, 15.0, 15.0],
        "shear_share": 0.5,
        "scale": 0.15,
        "translation": 0.0,
    },
    {"name": "elastic", "sigma": 6.0, "alpha": 36.0},
]
EACH = {section["name"]: section for section in PAPER} | {
    "keras": {"name": "keras", "rotation_range": 9.0, "brightness_range": [0.5, 1.5], "vertical_flip": True},
    "infimnist": {"name": "infimnist", "thickening": 0.5},
    "cpab": {"name": "cpab", "bank": 8},
    "generative": {"name": "generative"},
    "crop": {"name": "crop", "padding": 4},
    "flip": {"name": "flip", "probability": 0.5},
    "cutout": {"name": "cutout", "length": 8, "value": 127.5},
    "sharpen": {"name": "sharpen", "amount": 0.1},
}
STILL = [
    {"name": "affine", "rotation": [0.0] * 10, "shear_share": 0.5, "scale": 0.0, "translation": 0.0},
    {"name": "elastic", "sigma": 6.0, "alpha": 0.0},
]


@pytest.fixture(scope="module")
def batch(digits):
    return digits.train_images[::40], digits.train_labels[::40]


def deform(sections, images, labels, seed=0):
    return np.asarray(jax.jit(augment.build(sections, images.shape[1:], 10))(jax.random.key(seed), images, labels))


def test_zero_strength_is_the_identity_bit_for_bit(batch):
    assert np.array_equal(deform(STILL, *batch), deform([], *batch))


def test_nothing_listed_only_scales(batch):
    np.testing.assert_allclose(deform([], *batch), batch[0] / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("name", sorted(augment.SECTIONS))
def test_an_image_does_not_depend_on_the_size_of_its_batch(batch, name):
    """But for the last bits of the matrix product that makes the fields."""
    images, labels = batch
    few = deform([EACH[name]], images[:7], labels[:7])
    np.testing.assert_allclose(deform([EACH[name]], images, labels)[:7], few, atol=1e-4)
    assert not np.array_equal(few, deform([], images[:7], labels[:7]))


def test_every_image_and_every_key_gets_another_deformation(batch):
    images, labels = np.repeat(batch[0][:1], 50, axis=0), np.repeat(batch[1][:1], 50)
    once = deform(PAPER, images, labels).reshape(50, -1)
    assert len(np.unique(once, axis=0)) == 50
    assert not np.array_equal(once, deform(PAPER, images, labels, seed=1).reshape(50, -1))


def test_ink_stays_in_the_frame_and_digits_keep_their_weight(batch):
    """On average a deformed digit has the ink of the original; neither lost at the border nor wrapped round."""
    images, labels = batch
    ink = (deform(PAPER, images, labels) + 1).sum(axis=(1, 2, 3)) / (images / 127.5).sum(axis=(1, 2, 3))
    assert np.mean(ink) == pytest.approx(1.0, abs=0.05)
    assert ink.min() > 0.4


def test_strength_multiplies_the_displacement(batch):
    """Half of alpha 36 is alpha 18; no strength is no deformation."""
    images, labels = batch
    run = [augment.build([{"name": "elastic", "sigma": 6.0, "alpha": a}], images.shape[1:], 10) for a in (36.0, 18.0)]
    key = jax.random.key(0)
    np.testing.assert_allclose(run[0](key, images, labels, 0.5), run[1](key, images, labels), atol=1e-4)
    still = jax.jit(augment.build(PAPER, images.shape[1:], 10))(key, images, labels, 0.0)
    np.testing.assert_array_equal(still, deform([], images, labels))


def test_displacements_add_up(batch):
    """Two whole-pixel shifts in a list are one shift by their sum, resampled once: no blur."""
    images, labels = batch
    both = deform([{"name": "crop", "padding": 2}, {"name": "crop", "padding": 3}], images, labels)
    grey = np.rint((both + 1) * 127.5).astype(np.uint8)
    for image, shifted in zip(images, grey, strict=True):
        padded = np.pad(image, ((5, 5), (5, 5), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, image.shape).reshape(-1, image.size)
        assert (windows == shifted.ravel()).all(axis=1).any()


@pytest.mark.slow
def test_displacements_of_all_kinds_add_up():
    """Read off a ramp of two grey levels a pixel, away from the frame: a flow and a shift give their sum."""
    ramp = np.broadcast_to(np.arange(60, 140, 2, dtype=np.uint8)[:, None], (20, 40, 40, 1))
    flow, shift, still = {"name": "cpab", "bank": 2}, {"name": "crop", "padding": 3}, {"name": "crop", "padding": 0}
    labels = np.arange(20, dtype=np.uint8) % 10

    def moved(*sections):
        found = deform(sections, ramp, labels)
        return ((found + 1) * 127.5 - ramp)[:, 12:-12, 12:-12] / 2

    both, flowed, shifted = moved(flow, shift), moved(flow, still), moved(still, shift)
    assert flowed.std() > 0.2
    assert shifted.std() > 1
    np.testing.assert_allclose(both, flowed + shifted, atol=1e-3)


def test_all_stages_work_together_in_colour(rng):
    images, labels = rng.integers(0, 256, (16, 32, 32, 3), dtype=np.uint8), np.arange(16, dtype=np.uint8) % 10
    sections = [
        {"name": "crop", "padding": 4},
        {"name": "flip", "probability": 0.5},
        {"name": "cutout", "length": 8, "value": 127.5},
        {"name": "elastic", "sigma": 6.0, "alpha": 20.0},
    ]
    found = deform(sections, images, labels)
    assert found.shape == images.shape
    assert found.min() >= -1
    assert found.max() <= 1
    assert not np.array_equal(found[..., 0], found[..., 1])


def test_images_without_a_channel_axis_come_back_without_one(batch):
    images, labels = batch
    np.testing.assert_array_equal(deform(PAPER, images, labels)[..., 0], flat(images, labels))


def flat(images, labels):
    augmented = jax.jit(augment.build(PAPER, images.shape[1:], 10))
    return np.asarray(augmented(jax.random.key(0), images[..., 0], labels))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((4, 28, 28, 1), np.float32), np.zeros(4, int), "images: found 'float32 .*expected uint8"),
        (np.zeros((4, 28), np.uint8), np.zeros(4, int), r"images: found 'uint8 \(4, 28\)'"),
        (
            np.zeros((4, 29, 29, 1), np.uint8),
            np.zeros(4, int),
            r"images: found 'uint8 \(4, 29, 29, 1\)', expected uint8",
        ),
        (np.zeros((4, 28, 28, 1), np.uint8), np.zeros(3, int), r"labels: found \(3,\), expected one per image"),
        (np.zeros((4, 28, 28, 1), np.uint8), np.array([0, 10, 3, -1]), r"labels: found \[-1, 10\], expected .* 0..9"),
    ],
)
def test_a_batch_of_another_kind_is_refused(images, labels, message):
    with pytest.raises(BadValue, match=message):
        augment.build(PAPER, (28, 28, 1), 10)(jax.random.key(0), images, labels)


def test_two_sections_cannot_both_choose_the_fill(batch):
    with pytest.raises(BadValue, match="found '2 sections with a fill_mode', expected one at most"):
        augment.build([{"name": "keras"}, {"name": "keras"}], batch[0].shape[1:], 10)


def test_the_contact_sheet_shows_originals_first(tmp_path, digits):
    path = tmp_path / "sheet.png"
    done = run_bigdeep("bigdeep.tools.sheet", "--config=configs/mlp2.py:smoke", f"--output={path}", "--samples=3")
    assert done.returncode == 0, done.stderr
    whole = np.asarray(Image.open(path))
    picture = whole[-10 * 60 :, -4 * 60 :]  # below the title, beside the names of the classes
    assert (whole[: -10 * 60] == 255).mean() > 0.7 < (whole[:, : -4 * 60] == 255).mean()
    zero = digits.train_images[np.argmax(digits.train_labels == 0), :, :, 0]
    np.testing.assert_array_equal(picture[2:60:2, 2:60:2], np.pad(zero, ((0, 1), (0, 1))))
    assert np.mean(picture[:, 60:] != np.tile(picture[:, :60], 3)) > 0.05


def test_a_contact_sheet_that_cannot_be_written_is_refused():
    done = run_bigdeep("bigdeep.tools.sheet", "--config=configs/mlp2.py:smoke", "--output=/nowhere/sheet.png")
    assert done.returncode == 2
    assert "--output: found '/nowhere/sheet.png', expected a path in an existing folder" in done.stderr


def test_an_unknown_deformation_names_the_nearest(batch):
    with pytest.raises(BadValue, match=r"augment\[0\].name: found 'elastik', expected one of .*mean 'elastic'"):
        augment.build([{"name": "elastik"}], batch[0].shape[1:], 10)
