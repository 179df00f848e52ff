"""CPAB fields and flows against brute force, expm and finer steps; the fit on real digits; the bank's statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from bigdeep.augment import cpab, velocity
from bigdeep.errors import BadInput
from bigdeep.sections import BadValue
from bigdeep.tools import fit_cpab as fit
from conftest import displacements

CELLS = (4, 4)
SHAPE = (28, 28, 1)


@pytest.fixture
def values(rng):
    """A random field of speeds that bend digits visibly: (V, 2)."""
    return 0.3 * rng.standard_normal((41, 2))


def affine_values(matrix, offset, cells):
    return velocity.vertices(cells) @ np.asarray(matrix).T + offset


def triangle_of(point: np.ndarray, cells: tuple[int, int]) -> tuple[int, np.ndarray]:
    """By brute force over all triangles: the first that contains the point, and its barycentric coordinates."""
    for number, corners in enumerate(velocity.triangles(cells)):
        system = np.vstack([velocity.vertices(cells)[corners].T, np.ones(3)])
        weights = np.linalg.solve(system, [*point, 1])
        if (weights > -1e-9).all():
            return number, weights
    raise AssertionError(point)


@pytest.mark.parametrize(("cells", "free", "fixed"), [((4, 4), 82, 62), ((1, 1), 10, 2), ((2, 3), 36, 22)])
def test_dimensions_of_the_space_of_fields(cells, free, fixed):
    """Free: two numbers a vertex. Fixed: less one for each side of the frame a vertex lies on."""
    assert velocity.basis(cells, "free").shape[0] == free
    assert velocity.basis(cells, "fixed").shape[0] == fixed


def test_the_basis_is_orthonormal_and_still_at_a_fixed_border():
    basis = velocity.basis(CELLS, "fixed")
    flat = basis.reshape(len(basis), -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(basis)), atol=1e-10)
    points = velocity.vertices(CELLS)
    for axis in (0, 1):
        on_border = (points[:, axis] == 0) | (points[:, axis] == 4)
        assert np.abs(basis[:, on_border, axis]).max() < 1e-9
    assert np.abs(basis[:, points[:, 0] == 0, 1]).max() > 0.1  # along the border it may move


def test_hats_are_the_barycentric_coordinates_of_the_triangles(rng):
    """So the field is continuous and affine on each triangle."""
    for cells in [(4, 4), (2, 3)]:
        points = rng.uniform(0, cells, (200, 2))
        found = np.asarray(velocity.hats(jnp.asarray(points.T, jnp.float32), cells)[0]).T
        for point, weights in zip(points, found, strict=True):
            triangle, coordinates = triangle_of(point, cells)
            expected = np.zeros(len(velocity.vertices(cells)))
            expected[velocity.triangles(cells)[triangle]] = coordinates
            np.testing.assert_allclose(weights, expected, atol=1e-5)


def test_outside_the_frame_counts_as_its_edge(values):
    points = jnp.array([[-3.0, 2.0, 9.0], [1.0, 7.0, -1.0]])
    inside = jnp.array([[0.0, 2.0, 4.0], [1.0, 4.0, 0.0]])
    np.testing.assert_allclose(
        velocity.velocity(values, points, CELLS), velocity.velocity(values, inside, CELLS), atol=1e-6
    )


@pytest.mark.slow
def test_the_written_gradient_is_jaxs_own(values, rng):
    points = jnp.asarray(rng.uniform(-0.5, 4.5, (2, 300)), jnp.float32)
    weight = jnp.asarray(rng.standard_normal((2, 300)), jnp.float32)

    def plainly(values, points):
        return jnp.sum(weight * (values.T @ velocity.hats(points, CELLS)[0]))

    def written(values, points):
        return jnp.sum(weight * velocity.velocity(values, points, CELLS))

    v = jnp.asarray(values, jnp.float32)
    for expected, found in zip(jax.grad(plainly, (0, 1))(v, points), jax.grad(written, (0, 1))(v, points), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_affine_field_flows_as_its_matrix_exponential(rng):
    """Inside the frame: x(1) = expm([[A, b], [0, 0]]) x(0)."""
    matrix, offset = 0.15 * rng.standard_normal((2, 2)), 0.1 * rng.standard_normal(2)
    values = affine_values(matrix, offset - matrix @ [2, 2], CELLS)
    points = rng.uniform(1.5, 2.5, (2, 50))
    full = np.zeros((3, 3))
    full[:2, :2], full[:2, 2] = matrix, offset - matrix @ [2, 2]
    expected = (scipy.linalg.expm(full) @ np.vstack([points, np.ones(50)]))[:2]
    found = velocity.flow(jnp.asarray(values, jnp.float32), jnp.asarray(points, jnp.float32), CELLS, cpab.STEPS)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def fine(values, points, steps=2000):
    """Euler steps so small that they do not matter, in float64, by brute force over hats in NumPy."""
    where, corners = velocity.vertices(CELLS), 25
    points = points.copy()
    for _ in range(steps):
        inside = np.clip(points, 0, 4)
        a, b = (np.abs(inside[i][None] - where[:, i : i + 1]) for i in (0, 1))
        weights = np.vstack([1 - a[:corners] - b[:corners], 1 - 2 * np.maximum(a[corners:], b[corners:])])
        points += values.T @ np.maximum(weights, 0) / steps
    return points


def test_the_flow_agrees_with_a_finer_one(values):
    """To a fiftieth of a pixel, for flows of several pixels."""
    points = velocity.pixels((28, 28), CELLS)
    found = velocity.flow(jnp.asarray(values, jnp.float32), jnp.asarray(points, jnp.float32), CELLS, cpab.STEPS)
    expected = fine(values, points)
    assert np.abs(expected - points).max() * 7 > 2
    assert np.abs(found - expected).max() * 7 < 0.02


def test_minus_theta_is_the_inverse(values, rng):
    points = jnp.asarray(rng.uniform(0.5, 3.5, (2, 200)), jnp.float32)
    there = velocity.flow(jnp.asarray(values, jnp.float32), points, CELLS, 64)
    back = velocity.flow(jnp.asarray(-values, jnp.float32), there, CELLS, 64)
    assert np.abs(there - points).max() > 0.2
    np.testing.assert_allclose(back, points, atol=1e-3)


@pytest.mark.slow
def test_the_flow_folds_nothing(values):
    """A diffeomorphism keeps orientation: every little square of pixels keeps a positive area."""
    points = jnp.asarray(velocity.pixels((56, 56), CELLS), jnp.float32)
    y, x = np.asarray(velocity.flow(jnp.asarray(values / 2, jnp.float32), points, CELLS, 128)).reshape(2, 56, 56)
    area = np.diff(y, axis=0)[:, :-1] * np.diff(x, axis=1)[:-1] - np.diff(y, axis=1)[:-1] * np.diff(x, axis=0)[:, :-1]
    assert area.min() > 0


def test_pairs_of_hands_are_by_two_each(rng):
    digits, writers = np.arange(200 * 4).reshape(200, 2, 2), rng.integers(3, size=200)
    own, other = fit.pairs_of_hands(digits, writers, 150, seed=0)
    number = [(pair[:, 0, 0] // 4).astype(int) for pair in (own, other)]
    assert len(set(number[0])) == 150
    assert np.all(writers[number[0]] != writers[number[1]])
    assert len(set(number[1])) > 80


def test_nearest_pairs_are_the_nearest(digits):
    threes = digits.train_images[digits.train_labels == 3, :, :, 0]
    own, other = fit.nearest_pairs(threes, 20, seed=0)
    flat = threes.reshape(len(threes), -1).astype(float)
    for a, b in zip(own.reshape(20, -1), other.reshape(20, -1), strict=True):
        distances = np.sum((flat - a) ** 2, axis=1)
        assert np.sum((a - b) ** 2) == np.sort(distances)[1] > 0


@pytest.mark.slow
def test_alignment_finds_a_deformation_that_is_known(digits):
    """Digits warped by a known flow are brought back to within a third of the distance."""
    images = digits.train_images[::200, :, :, 0].astype(np.float32)
    rng = np.random.default_rng(0)
    theta = rng.standard_normal((len(images), 82)) @ fit.prior_root(velocity.basis(CELLS, "free")).T * 0.4
    statistics = cpab.Statistics(np.zeros((10, 82)), np.zeros((10, 82, 82)), CELLS, "free", "")
    moved = cpab.displacements(jnp.asarray(theta, jnp.float32), statistics, (28, 28))
    grid = np.indices((28, 28)).reshape(2, -1)
    warped = [
        np.asarray(fit.lookup(i, jnp.asarray(grid + d))).reshape(28, 28) for i, d in zip(images, moved, strict=True)
    ]
    _, before, after = jax.jit(fit.aligner((28, 28)))(images, np.array(warped))
    assert np.mean(before) > 20
    assert np.mean(after) < np.mean(before) / 3


@pytest.mark.slow
def test_a_fit_of_few_digits_can_be_used(digits, tmp_path):
    some = digits.train_labels < 3
    found, summary = fit.fit(digits.train_images[some], digits.train_labels[some], "mnist", 100, lambda line: None)
    assert summary["pairs"] == 300
    assert summary["error_after"] < 0.6 * summary["error_before"]
    np.savez_compressed(tmp_path / "few.npz", **found._asdict())
    part = cpab.cpab(SHAPE, 3, "", path=str(tmp_path / "few.npz"), bank=4)
    assert displacements(part, np.zeros(20, np.uint8), SHAPE[:2]).any()


def test_the_committed_statistics_are_small_and_of_mnist():
    assert cpab.MNIST.stat().st_size < 1e6
    with np.load(cpab.MNIST) as stored:
        assert str(stored["dataset"]) == "mnist"
    statistics = cpab.load(cpab.MNIST)
    assert statistics.mean.shape == (10, 82)


def test_draws_have_the_fitted_mean_and_covariance():
    statistics = cpab.load(cpab.MNIST)
    theta = np.asarray(cpab.sample(jax.random.key(0), statistics, 20_000))
    for label in range(10):
        covariance = statistics.root[label] @ statistics.root[label].T
        np.testing.assert_allclose(theta[label].mean(axis=0), statistics.mean[label], atol=0.03)
        assert np.abs(np.cov(theta[label].T) - covariance).max() < 0.05 * covariance.max()


@pytest.mark.slow
def test_a_bank_stands_for_the_distribution():
    """Mean and rms displacement of 512 flows a class are those of fresh ones, and each class has its own."""
    statistics = cpab.load(cpab.MNIST)
    part = cpab.cpab(SHAPE, 10, "mnist")
    rms = {}
    for label in (0, 1, 7):
        banked = displacements(part, np.full(4000, label, np.uint8), SHAPE[:2])
        theta = cpab.sample(jax.random.key(1), statistics, 1024)[label]
        fresh = cpab.displacements(theta, statistics, SHAPE[:2]).reshape(-1, 2, 28, 28)
        rms[label] = np.sqrt(np.mean(fresh**2))
        assert np.sqrt(np.mean(banked**2)) == pytest.approx(rms[label], rel=0.05)
        assert np.abs(banked.mean(axis=0) - fresh.mean(axis=0)).max() < 0.2
        assert len(np.unique(banked.reshape(4000, -1), axis=0)) == pytest.approx(512, abs=5)
    assert 0.3 < rms[1] < 3
    assert rms[1] != pytest.approx(rms[0], rel=0.02)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"bank": 0}, BadValue, "bank: found 0"),
        ({"cells": (3, 3)}, BadValue, r"cells: found \(3, 3\), expected the grid that cpab.npz has, \(4, 4\)"),
        ({"cells": 4}, BadValue, "cells: found 4, expected two numbers"),
        ({"dataset": "fashion_mnist"}, BadValue, "path: found 'a fit on mnist', expected one on fashion_mnist"),
        ({"shape": (32, 32, 3)}, BadValue, "path: found 'a fit on mnist'"),
        ({"classes": 20}, BadValue, "path: found 'cpab.npz', expected a file for 20 classes, not for 10"),
        ({"path": "/nowhere.npz"}, BadInput, "CPAB statistics /nowhere.npz: found 'no file'"),
    ],
)
def test_impossible_values_are_refused(parameters, error, message):
    with pytest.raises(error, match=message):
        cpab.cpab(**{"shape": SHAPE, "classes": 10, "dataset": "mnist-5k", **parameters})


def test_a_damaged_file_is_refused(tmp_path):
    whole = cpab.MNIST.read_bytes()
    path = tmp_path / "damaged.npz"
    for damaged in (whole[: len(whole) // 2], b"", whole[:5000] + b"\xff" * 50 + whole[5050:], b"no archive"):
        path.write_bytes(damaged)
        with pytest.raises(BadInput, match=r"damaged.npz: found .*expected an intact .npz of fit_cpab"):
            cpab.load(path)
