"""Whitening, learned from pairs of matching images or given, without dimension reduction."""

from dataclasses import dataclass

import numpy as np

REGULARISATIONS = (0.0, *(float(f"1e{power}") for power in range(-10, 1)))  # tried in turn on S's diagonal [code]
TILE_ROWS = 512
TINY = 1e-6  # added to the norm


@dataclass(frozen=True)
class Whitening:
    """x -> P (x - m), divided by (norm + 1e-6)."""

    mean: np.ndarray  # m, (D,) float64
    projection: np.ndarray  # P, (D, D) float64
    regularisation: float | None  # added to S's diagonal, 0 where S had a Cholesky factor; None if not learned here
    condition_number: float | None  # of the matrix that was factored, S and what was added; None if not learned here

    def apply(self, descriptors: np.ndarray) -> np.ndarray:
        """Whitened rows (N, D) float32 of rows (N, D); their norm is |y| / (|y| + 1e-6), y = P (x - m).

        Equal rows must come out equal wherever they lie and however many come together, or they would not tie in a
        ranking. BLAS rounds by place and shape, so the product is in float64, always of 512 rows, the last ones filled
        up with zeros, and rounded to float32 before anything else. Raises ValueError for another dimension.
        """
        if descriptors.ndim != 2 or descriptors.shape[1] != len(self.mean):
            raise ValueError(f"descriptors {descriptors.shape}; accepted: rows of dimension {len(self.mean)}")
        whitened = np.empty(descriptors.shape, np.float32)
        tile = np.zeros((TILE_ROWS, len(self.mean)))
        for start in range(0, len(descriptors), TILE_ROWS):
            rows = descriptors[start : start + TILE_ROWS]
            np.subtract(rows, self.mean, out=tile[: len(rows)])
            tile[len(rows) :] = 0
            whitened[start : start + TILE_ROWS] = (tile @ self.projection.T)[: len(rows)]
        whitened /= np.sqrt(np.square(whitened).sum(axis=1, keepdims=True)) + np.float32(TINY)
        return whitened


def given(mean: np.ndarray, projection: np.ndarray) -> Whitening:
    """A whitening that was learned elsewhere: m (D,) and P (D, D)."""
    return Whitening(mean, projection, regularisation=None, condition_number=None)


def learn(descriptors: np.ndarray, query_rows: np.ndarray, positive_rows: np.ndarray) -> Whitening:
    """Whitening from descriptors (N, D) and pairs of their rows, query_rows and positive_rows (n,).

    m is the mean of the queries' descriptors (one a pair), S the mean of the outer products of the pairs' differences,
    P0 the inverse of S's Cholesky factor; P is P0 turned to the principal axes of P0 (X - m) over all X, largest
    variance first. Each axis's sign is such that its row of P has its largest component positive. In float64.

    Where S has no Cholesky factor (fewer pairs than dimensions, say), the smallest of 1e-10, 1e-9, ... is added to
    its diagonal that gives it one [code]; `Whitening.regularisation` says which.

    Raises ValueError for shapes and rows that do not fit, non-finite descriptors, and where more than the mean of S's
    diagonal would have to be added, such as for pairs of equal descriptors.
    """
    descriptors = np.asarray(descriptors)
    query_rows, positive_rows = np.asarray(query_rows), np.asarray(positive_rows)
    _check(descriptors, query_rows, positive_rows)
    descriptors = descriptors.astype(np.float64)
    mean = descriptors[query_rows].mean(axis=0)
    differences = descriptors[query_rows] - descriptors[positive_rows]
    scatter, regularisation = _positive_definite(differences.T @ differences / len(query_rows))
    inverse = np.linalg.inv(np.linalg.cholesky(scatter))
    projected = (descriptors - mean) @ inverse.T  # (N, D)
    _, axes = np.linalg.eigh(projected.T @ projected)  # rising
    projection = axes[:, ::-1].T @ inverse
    largest = np.take_along_axis(projection, np.abs(projection).argmax(axis=1, keepdims=True), axis=1)
    return Whitening(mean, projection * np.sign(largest), regularisation, _condition_number(scatter))


def _positive_definite(scatter: np.ndarray) -> tuple[np.ndarray, float]:
    """S + a I that has a Cholesky factor, and a: the first of REGULARISATIONS that does; S is (D, D)."""
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
    """Largest by smallest eigenvalue of a positive definite matrix; 4.5e15 where rounding hides the smallest."""
    values = np.linalg.eigvalsh(matrix)  # rising
    return float(values[-1] / max(values[0], values[-1] * np.finfo(np.float64).eps))


def _check(descriptors: np.ndarray, query_rows: np.ndarray, positive_rows: np.ndarray) -> None:
    if descriptors.ndim != 2 or not np.issubdtype(descriptors.dtype, np.floating):
        raise ValueError(f"whitening descriptors {descriptors.dtype} {descriptors.shape}; accepted: floats (N, D)")
    if query_rows.ndim != 1 or query_rows.shape != positive_rows.shape or len(query_rows) == 0:
        raise ValueError(
            f"whitening pairs of query rows {query_rows.shape} and positive rows {positive_rows.shape}; "
            "accepted: one positive a query, at least one pair"
        )
    for name, rows in (("query", query_rows), ("positive", positive_rows)):
        if not np.issubdtype(rows.dtype, np.integer):
            raise ValueError(f"whitening {name} rows are {rows.dtype}; accepted: integers")
        outside = rows[(rows < 0) | (rows >= len(descriptors))]
        if len(outside):
            raise ValueError(f"whitening {name} row {outside[0]}; accepted: 0 to {len(descriptors) - 1}")
    wrong = np.flatnonzero(~np.isfinite(descriptors).all(axis=1))
    if len(wrong):
        raise ValueError(f"whitening descriptors, row {wrong[0]}: not finite; accepted: finite values")
