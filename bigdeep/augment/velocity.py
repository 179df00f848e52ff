"""Continuous piecewise-affine velocity fields on a triangulated frame, and their flows.

The frame is the square [0, cells_y] x [0, cells_x], one unit per cell, each cell cut into four triangles by its
diagonals. A continuous field that is affine on each triangle is given by its values at the vertices: the cells'
corners and centres. Source: Freifeld, Hauberg, Batmanghelich, Fisher 2017 (CPAB), section 3.
"""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np


def vertices(cells: tuple[int, int]) -> np.ndarray:
    """float64 (V, 2), in (y, x): the corners row by row, then the centres."""
    rows, columns = cells
    corners = itertools.product(range(rows + 1), range(columns + 1))
    centres = itertools.product(np.arange(rows) + 0.5, np.arange(columns) + 0.5)
    return np.array([*corners, *centres], float)


def triangles(cells: tuple[int, int]) -> np.ndarray:
    """int (T, 3): the vertices of each triangle: a centre and two neighbouring corners of its cell."""
    rows, columns = cells
    corners = []
    for row, column in itertools.product(range(rows), range(columns)):
        centre = (rows + 1) * (columns + 1) + row * columns + column
        first = row * (columns + 1) + column
        ring = [first, first + 1, first + columns + 2, first + columns + 1]
        corners += [(centre, a, b) for a, b in zip(ring, ring[1:] + ring[:1], strict=True)]
    return np.array(corners)


@functools.cache
def basis(cells: tuple[int, int], boundary: str) -> np.ndarray:
    """float64 (d, V, 2): an orthonormal basis of the velocities at the vertices.

    The unknowns are the affine maps of all triangles. Continuity asks that two triangles agree at each vertex they
    share; boundary "fixed" asks for no velocity across the frame's border. The null space of these constraints is the
    space of fields: d = 2 V where "free", 82 for 4 x 4 cells.
    """
    points, corners = vertices(cells), triangles(cells)
    homogeneous = np.column_stack([points, np.ones(len(points))])
    rows = []

    def value(triangle: int, vertex: int, axis: int) -> np.ndarray:
        row = np.zeros((len(corners), 2, 3))
        row[triangle, axis] = homogeneous[vertex]
        return row.ravel()

    owners = [np.nonzero((corners == vertex).any(axis=1))[0].tolist() for vertex in range(len(points))]
    for vertex, axis in itertools.product(range(len(points)), range(2)):
        first, *others = owners[vertex]
        rows += [value(first, vertex, axis) - value(other, vertex, axis) for other in others]
        if boundary == "fixed" and points[vertex, axis] in (0, cells[axis]):
            rows.append(value(first, vertex, axis))
    # The maps' null space, read off at the vertices, then made orthonormal there.
    _, strength, v = np.linalg.svd(np.array(rows))
    maps = v[np.sum(strength > 1e-9 * strength[0]) :].reshape(-1, len(corners), 2, 3)
    at_vertices = np.stack([maps[:, owner[0]] @ homogeneous[i] for i, owner in enumerate(owners)], axis=1)
    q, _ = np.linalg.qr(at_vertices.reshape(len(maps), -1).T)
    return q.T.reshape(len(maps), len(points), 2)


def hats(points: jax.Array, cells: tuple[int, int]) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The weights of the vertices at points (2, N), in cells, and their slopes along y and x: float32 (V, N) each.

    With a, b the distances from a vertex along y and x: max(0, 1 - a - b) for corners, max(0, 1 - 2 max(a, b)) for
    centres. They sum to 1. Points outside the frame count as the nearest point of it.
    """
    where = vertices(cells).astype(np.float32)
    corner = (np.arange(len(where)) < (cells[0] + 1) * (cells[1] + 1))[:, None]
    away_y, away_x = (jnp.clip(points[i][None], 0, cells[i]) - where[:, i, None] for i in (0, 1))
    a, b = jnp.abs(away_y), jnp.abs(away_x)
    weights = jnp.where(corner, 1 - a - b, 1 - 2 * jnp.maximum(a, b))
    steep_y = jnp.where(corner, 1, jnp.where(a >= b, 2, 0)) * -jnp.sign(away_y)
    steep_x = jnp.where(corner, 1, jnp.where(a >= b, 0, 2)) * -jnp.sign(away_x)
    inside_y, inside_x = ((points[i] > 0) & (points[i] < cells[i]) for i in (0, 1))
    slopes = (
        jnp.where((weights > 0) & inside_y[None], steep_y, 0),
        jnp.where((weights > 0) & inside_x[None], steep_x, 0),
    )
    return jnp.maximum(weights, 0), *slopes


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def velocity(values: jax.Array, points: jax.Array, cells: tuple[int, int]) -> jax.Array:
    """The field with the given values (V, 2) at the vertices, at points (2, N) -> (2, N).

    Its gradient is written out: JAX's own is right too, and takes three times as long.
    """
    return values.T @ hats(points, cells)[0]


def _velocity_forward(values: jax.Array, points: jax.Array, cells: tuple[int, int]) -> tuple:
    return velocity(values, points, cells), (values, points)


def _velocity_backward(cells: tuple[int, int], saved: tuple, gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    values, points = saved
    weights, slopes_y, slopes_x = hats(points, cells)
    of_points = [jnp.sum(gradient * (values.T @ slopes), axis=0) for slopes in (slopes_y, slopes_x)]
    return weights @ gradient.T, jnp.stack(of_points)


velocity.defvjp(_velocity_forward, _velocity_backward)


def flow(values: jax.Array, points: jax.Array, cells: tuple[int, int], steps: int) -> jax.Array:
    """Where points are carried in unit time: p(1) of dp/dt = v(p), by `steps` midpoint steps.

    values: (V, 2), velocities at the vertices, cells per unit time. points: (2, N), in cells, (y, x). Returns (2, N).
    """
    for _ in range(steps):
        middle = points + velocity(values, points, cells) / (2 * steps)
        points = points + velocity(values, middle, cells) / steps
    return points


def pixels(shape: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """float64 (2, H * W): the centres of all pixels in cells."""
    return np.stack([(np.indices(shape)[i].ravel() + 0.5) * cells[i] / shape[i] for i in (0, 1)])
