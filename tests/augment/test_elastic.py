"""Elastic fields, against scipy's smoothing of noise and against closed forms."""

import jax
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats

from bigdeep.augment import elastic
from bigdeep.sections import BadValue
from conftest import displacements

SHAPE = (28, 28)


def fields(count: int = 4000, seed: int = 0, shape: tuple[int, int] = SHAPE, **parameters) -> np.ndarray:
    deformation = elastic.elastic(**{"alpha": 36.0, "sigma": 6.0, **parameters}, shape=(*shape, 1))
    return displacements(deformation, np.zeros(count, np.uint8), shape, seed)


@pytest.mark.parametrize("sigma", [2.0, 4.0, 6.0, 8.0])
def test_smoothing_matrix_is_scipys_filter(rng, sigma):
    noise = rng.uniform(-1, 1, SHAPE)
    rows, columns = (elastic.smoothing_matrix(size, sigma) for size in SHAPE)
    expected = scipy.ndimage.gaussian_filter(noise, sigma, mode="constant")
    np.testing.assert_allclose(rows @ noise @ columns.T, expected, atol=1e-12)


@pytest.mark.parametrize(("sigma", "alpha"), [(4.0, 34.0), (6.0, 36.0)])
def test_few_components_hold_the_whole_field(rng, sigma, alpha):
    """Scipy's field of some noise lies in the span of the basis to 1e-3 pixels."""
    basis = elastic.field_basis(SHAPE, sigma)
    assert len(basis) < 784 / 6
    for _ in range(5):
        field = alpha * scipy.ndimage.gaussian_filter(rng.uniform(-1, 1, SHAPE), sigma, mode="constant").ravel()
        coefficients = np.linalg.lstsq(basis.T, field, rcond=None)[0]
        assert np.abs(basis.T @ coefficients - field).max() < 0.01
        assert np.sqrt(np.mean((basis.T @ coefficients - field) ** 2)) < 2e-3


def test_noise_is_normal_and_both_halves_are_independent():
    y, x = (np.asarray(n, np.float64) for n in elastic.two_normals(jax.random.key(0), (1000, 1000)))
    for noise in (y, x):
        assert scipy.stats.kstest(noise[:100].ravel(), "norm").pvalue > 0.01
        assert (noise.mean(), noise.var()) == pytest.approx((0, 1), abs=5e-3)
        assert np.mean(noise**4) == pytest.approx(3.0, rel=0.02)
    assert abs(np.mean(y * x)) < 5e-3
    assert np.isfinite(y).all()
    assert 4.3 < y.max() < 4.33


def test_covariance_is_that_of_smoothed_uniform_noise():
    """E d(p) d(q) = alpha^2 / 3 (K K^T)(p, q), for all pairs of pixels."""
    found = fields(20_000, sigma=4.0, alpha=34.0)[:, 0].reshape(-1, 784)
    matrix = elastic.smoothing_matrix(28, 4.0)
    expected = 34.0**2 / 3 * np.kron(matrix @ matrix.T, matrix @ matrix.T)
    assert np.abs(found.T @ found / len(found) - expected).max() < 0.05 * expected.max()


def test_amplitude_far_from_the_border_is_simards():
    shape = (64, 64)
    found = fields(2000, sigma=4.0, alpha=34.0, shape=shape)[:, :, 32, 32]
    assert np.std(found) == pytest.approx(34 / (2 * 4 * np.sqrt(3 * np.pi)), rel=0.05)


def test_both_axes_are_independent():
    """Not the diagonal-only fields that one key for both axes would give."""
    y, x = np.moveaxis(fields(), 1, 0)
    for row, column in [(5, 5), (14, 14), (20, 9)]:
        assert abs(np.corrcoef(y[:, row, column], x[:, row, column])[0, 1]) < 0.05


def test_images_are_independent():
    found = fields(4000)[:, 0, 14, 14]
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.05


def test_zero_alpha_is_no_displacement():
    assert not fields(10, alpha=0.0).any()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sigma": -1.0}, r"sigma: found -1.0, expected a number in \(0, 28\]"),
        ({"sigma": 29.0}, r"sigma: found 29.0, expected a number in \(0, 28\]"),
        ({"alpha": -1.0}, r"alpha: found -1.0, expected a number in \[0, inf\)"),
        ({"alpha": "36"}, r"alpha: found '36', expected a number in \[0, inf\)"),
    ],
)
def test_impossible_values_are_refused(parameters, message):
    with pytest.raises(BadValue, match=message):
        fields(1, **parameters)
