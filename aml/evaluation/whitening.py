"""Whitening without dimension reduction: learned from pairs of matching images, or given (METHOD, Section 4)."""

import numpy as np

from aml.files.whitening import Whitening

REGULARISATIONS = (0.0, *(float(f"1e{power}") for power in range(-10, 1)))  # tried in turn on S's diagonal [code]
TINY = 1e-6  # added to the norm


def whiten(rows, mean, projection):
    """Return P (x - m), divided by (norm + 1e-6), of rows x (N, D): arrays of NumPy or torch, computed in their type.
    Raises ValueError for another dimension."""
    if rows.ndim != 2 or rows.shape[1] != len(mean):
        raise ValueError(f"descriptors {tuple(rows.shape)}; accepted: rows of dimension {len(mean)}")
    whitened = (rows - mean) @ projection.T
    return whitened / ((whitened**2).sum(1, keepdims=True) ** 0.5 + TINY)


def whiten_queries(queries: np.ndarray, whitening: Whitening) -> np.ndarray:
    """Return queries (Q, D) whitened in float64, as float32. Raises ValueError for another dimension."""
    return whiten(queries.astype(np.float64), whitening.mean, whitening.projection).astype(np.float32)


def learn(
    descriptors: np.ndarray, query_rows: np.ndarray, positive_rows: np.ndarray, *, shrinkage: float = 0.0
) -> Whitening:
    """Learn a whitening from descriptors (N, D) and pairs of their rows, query_rows and positive_rows (n,).

    m is the mean of the queries' descriptors (one for each pair), S the mean of the outer products of the pairs'
    differences, and P0 the inverse of S's Cholesky factor. P is P0 turned to the principal axes of P0 (X - m) over all
    X, largest variance first. The largest component of each row of P is positive. Computed in float64.

    With `shrinkage` a, S + a d I takes the place of S, d being the mean of S's diagonal: directions in which pairs
    hardly differ are not blown up. 0 is the authors' formula.

    Where S has no Cholesky factor (fewer pairs than dimensions, say), the smallest of 1e-10, 1e-9, ... that gives it
    one is added to its diagonal [code]; `Whitening.regularisation` says which.

    Raises ValueError without pairs, and where more than the mean of S's diagonal would have to be added, such as for
    pairs of equal descriptors.
    """
    if len(query_rows) == 0:
        raise ValueError("whitening has no pairs to learn from; accepted: at least one pair of matching images")
    descriptors = np.asarray(descriptors, np.float64)
    mean = descriptors[query_rows].mean(axis=0)
    differences = descriptors[query_rows] - descriptors[positive_rows]
    scatter = differences.T @ differences / len(query_rows)
    scatter += shrinkage * np.trace(scatter) / len(scatter) * np.eye(len(scatter))
    scatter, regularisation = _positive_definite(scatter)
    inverse = np.linalg.inv(np.linalg.cholesky(scatter))
    projected = (descriptors - mean) @ inverse.T  # (N, D)
    _, axes = np.linalg.eigh(projected.T @ projected)  # rising
    projection = axes[:, ::-1].T @ inverse
    largest = np.take_along_axis(projection, np.abs(projection).argmax(axis=1, keepdims=True), axis=1)
    return Whitening(mean, projection * np.sign(largest), regularisation, _condition_number(scatter))


def _positive_definite(scatter: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the first of S + a I, for a in REGULARISATIONS, that has a Cholesky factor, and its a; S is (D, D)."""
    mean_diagonal = np.trace(scatter) / len(scatter)
    for added in REGULARISATIONS:
        if added > mean_diagonal:
            break
        matrix = scatter + added * np.eye(len(scatter))
        try:
            np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            continue
        return matrix, added
    raise ValueError(
        f"whitening: the scatter of the pairs' differences, mean diagonal {mean_diagonal:g}, has no Cholesky factor; "
        "accepted: differences for which adding no more than that to the diagonal gives one; are the pairs the same "
        "image twice?"
    )


def _condition_number(matrix: np.ndarray) -> float:
    """Return largest by smallest eigenvalue of a positive definite matrix; 4.5e15 where rounding hides the smallest."""
    values = np.linalg.eigvalsh(matrix)  # rising
    return float(values[-1] / max(values[0], values[-1] * np.finfo(np.float64).eps))
