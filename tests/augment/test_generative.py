"""Generated digits: what a sample depends on, the files, the fit in miniature, and the committed generator."""

import json

import jax
import numpy as np
import pytest

from bigdeep.augment import generative
from bigdeep.errors import BadInput
from bigdeep.sections import BadValue
from bigdeep.tools import fit_generator as fit
from conftest import ROOT

SHAPE = (28, 28, 1)


def replaced(images, labels, shape=SHAPE, seed=0, **parameters):
    part = generative.generative(shape, 10, "mnist", **parameters)
    return np.asarray(jax.jit(part.replace)(jax.random.key(seed), images, labels))


def test_a_fraction_is_replaced_and_the_rest_is_untouched(digits):
    images, labels = digits.train_images[::2], digits.train_labels[::2]
    for fraction in (0.0, 0.3, 1.0):
        kept = (replaced(images, labels, fraction=fraction) == images).all(axis=(1, 2, 3))
        assert np.mean(~kept) == pytest.approx(fraction, abs=0.04)


def test_a_sample_depends_on_its_own_place_and_label_only(digits):
    images, labels = digits.train_images[::100], digits.train_labels[::100]
    whole = replaced(images, labels, fraction=1.0)
    np.testing.assert_array_equal(whole[:7], replaced(images[:7], labels[:7], fraction=1.0))
    assert len(np.unique(whole.reshape(len(whole), -1), axis=0)) == len(whole)
    other = replaced(images, (labels + 1) % 10, fraction=1.0)
    assert (whole != other).any(axis=(1, 2, 3)).all()


def test_larger_images_are_padded_as_the_data_are(digits):
    images, labels = digits.train_images[::100], digits.train_labels[::100]
    small = replaced(images, labels, fraction=1.0)
    large = np.pad(images, ((0, 0), (0, 1), (0, 1), (0, 0)))
    padded = replaced(large, labels, (29, 29, 1), fraction=1.0)
    np.testing.assert_array_equal(padded, np.pad(small, ((0, 0), (0, 1), (0, 1), (0, 0))))


def test_the_committed_generator_is_small_and_of_mnist():
    assert generative.MNIST.stat().st_size < 1e6
    with np.load(generative.MNIST) as stored:
        assert str(stored["dataset"]) == "mnist"


def test_samples_are_near_their_class(digits):
    """The mean of 100 samples of a class is nearest to that class's mean digit."""
    fitted = generative.load(generative.MNIST)
    labels = np.repeat(np.arange(10), 100)
    samples = np.asarray(generative.sample(jax.random.key(0), fitted, labels)).reshape(10, 100, -1).mean(axis=1)
    means = np.stack([digits.train_images[digits.train_labels == c].reshape(-1, 784).mean(axis=0) for c in range(10)])
    distance = np.linalg.norm(samples[:, None] - means[None], axis=-1)
    assert list(distance.argmin(axis=1)) == list(range(10))


@pytest.mark.slow
def test_a_short_game_is_won_by_nobody_and_saved(digits, tmp_path):
    """Two epochs on real digits: both losses finite, and the file gives the samples back."""
    lines = []
    fitted = fit.fit(digits.train_images, digits.train_labels, "mnist", 2, lines.append)
    assert len(lines) == 2
    assert "nan" not in " ".join(lines)
    path = tmp_path / "short.npz"
    generative.save(path, fitted)
    again = generative.load(path)
    labels = np.arange(10)
    a, b = (np.asarray(generative.sample(jax.random.key(0), f, labels)).astype(int) for f in (fitted, again))
    assert np.abs(a - b).max() <= 2  # half precision


def test_the_record_of_the_judgement_is_kept():
    record = json.loads((ROOT / "results" / "fits" / "generator-judged.json").read_text())
    assert record["named_right"] >= 0.95
    near = record["nearest_training_image_percentiles_1_50_99"]
    assert near["of_samples"][1] > 0.3 * near["of_test_digits"][1]


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"fraction": 1.5}, BadValue, "fraction: found 1.5"),
        ({"dataset": "fashion_mnist"}, BadValue, "path: found 'a generator of mnist', expected one of fashion_mnist"),
        ({"classes": 11}, BadValue, r"path: found 'generative.npz for images \(28, 28, 1\), 10 classes'"),
        ({"shape": (32, 32, 3)}, BadValue, r"expected a file for images of at most \(32, 32, 3\)"),
        ({"shape": (20, 28, 1)}, BadValue, r"expected a file for images of at most \(20, 28, 1\)"),
        ({"path": "/nowhere.npz"}, BadInput, "generator /nowhere.npz: found 'no file'"),
    ],
)
def test_impossible_values_are_refused(parameters, error, message):
    with pytest.raises(error, match=message):
        generative.generative(**{"shape": SHAPE, "classes": 10, "dataset": "mnist-5k", **parameters})


def test_a_damaged_or_incomplete_file_is_refused(tmp_path):
    path = tmp_path / "damaged.npz"
    whole = generative.MNIST.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"damaged.npz: found .*expected an intact .npz of fit_generator"):
        generative.load(path)
    with np.load(generative.MNIST) as stored:
        some = {name: stored[name] for name in stored if name != "output/bias"}
    np.savez(path, **some)
    with pytest.raises(BadInput, match=r"damaged.npz: found .*expected an intact .npz of fit_generator"):
        generative.load(path)
