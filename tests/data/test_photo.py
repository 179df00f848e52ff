"""Photos of digits in MNIST's frame: real digits made large, turned, inverted, and found again."""

import pathlib

import numpy as np
import pytest
from pictures import bad_files, page
from PIL import Image

from bigdeep.data import photo
from bigdeep.errors import BadInput


@pytest.fixture
def some(digits) -> np.ndarray:
    """Thirty test digits, uint8 (30, 28, 28)."""
    return digits.test_images[::33, ..., 0][:30]


def alike(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def through(image: Image.Image, path: pathlib.Path, **options) -> np.ndarray:
    image.save(path, **options)
    return photo.read(path).pixels


@pytest.mark.parametrize("dark", [True, False], ids=["dark on light", "light on dark"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_digit_on_a_page_comes_back_as_mnist_has_it(some, dark, suffix, tmp_path):
    found = [through(page(digit, dark=dark), tmp_path / f"a{suffix}") for digit in some]
    likeness = [alike(a, b) for a, b in zip(found, some, strict=True)]
    assert np.median(likeness) > 0.97
    assert min(likeness) > 0.85
    for pixels in found:
        rows, columns = np.nonzero(pixels > 40)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
        weights = pixels / pixels.sum()
        middle = [(weights.sum(axis=1 - axis) * np.arange(28)).sum() for axis in (0, 1)]
        assert np.abs(np.array(middle) - 14).max() <= 0.51


def test_transparent_and_turned_and_palette_pictures_are_the_same(some, tmp_path):
    upright = page(some[0])
    plain = through(upright, tmp_path / "plain.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter, to be turned back
    turned = through(upright.transpose(Image.Transpose.ROTATE_90), tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(turned, plain)
    np.testing.assert_array_equal(through(upright.convert("P"), tmp_path / "palette.png"), plain)
    opaque = Image.fromarray(255 - np.asarray(page(some[0], paper=255, ink=0)))
    drawn = Image.merge("LA", (Image.new("L", opaque.size, 0), opaque))
    assert alike(through(drawn, tmp_path / "drawn.png"), plain) > 0.99
    white = Image.merge("LA", (Image.new("L", opaque.size, 255), opaque))
    assert alike(through(white, tmp_path / "white.png"), plain) > 0.99


def test_mnist_s_own_images_stay_as_they_are(some, tmp_path):
    for digit in some:
        np.testing.assert_array_equal(through(Image.fromarray(digit), tmp_path / "a.png"), digit)


def test_what_cannot_be_read_is_said_in_one_line(tmp_path):
    for name, said in bad_files(tmp_path).items():
        with pytest.raises(BadInput) as error:
            photo.read(tmp_path / name)
        assert said in str(error.value), name
        assert str(error.value).startswith(f"{tmp_path / name}: found "), name
        assert "\n" not in str(error.value)


def test_what_does_not_look_like_one_digit_is_doubted(some, tmp_path):
    single = np.asarray(page(some[0]))
    row = np.concatenate([single[:, 150:450]] * 3, axis=1)
    shaded = np.clip(single.astype(int) - 200 * (np.arange(500) > 350), 0, 255)
    doubts = {"one": single, "row": row, "shadow": shaded}
    for name, grey in doubts.items():
        Image.fromarray(np.uint8(grey)).save(tmp_path / f"{name}.png")
    assert photo.read(tmp_path / "one.png").doubt == ""
    assert "several" in photo.read(tmp_path / "row.png").doubt
    assert photo.read(tmp_path / "shadow.png").doubt
