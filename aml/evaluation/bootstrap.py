"""Paired bootstrap over queries: how far means over these queries may be from those over other queries of their kind.

All systems of a test set answered the same queries, so one draw of queries serves them all, and the interval of a
difference is that of the differences query by query: what makes a query hard for both cancels out. Intervals are
percentile intervals (Efron and Tibshirani, An Introduction to the Bootstrap, Sec. 13.3).
"""

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=8)
def draw_counts(num_queries: int, *, draws: int, seed: int) -> np.ndarray:
    """How often each query comes in each draw of num_queries with replacement: (draws, num_queries) int64.

    Equal arguments give equal draws, and the same, read-only array. Raises ValueError without queries or draws.
    """
    if num_queries < 1 or draws < 1:
        raise ValueError(f"{draws} draws of {num_queries} queries; accepted: one or more of either")
    drawn = np.random.default_rng(seed).integers(0, num_queries, (draws, num_queries))
    drawn += num_queries * np.arange(draws)[:, None]  # draw b counts in bins of its own
    counts = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
    counts.flags.writeable = False
    return counts


def percentile_intervals(scores: np.ndarray, counts: np.ndarray, *, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends (N,) and (N,) of the middle `confidence` percent of the means of scores (N, Q) over counts (draws, Q).

    A row of scores is a system's, or two systems' difference. Between two draws, ends are interpolated linearly. Sums
    are in float32, right to six digits. Raises ValueError for scores that are not finite, and for shapes and
    confidences that do not fit.
    """
    if scores.ndim != 2 or scores.shape[1:] != counts.shape[1:] or not np.isfinite(scores).all():
        raise ValueError(f"scores {scores.shape}; accepted: finite ones, a column a query of the counts {counts.shape}")
    if not 0 < confidence < 100:
        raise ValueError(f"confidence {confidence}; accepted: percent, between 0 and 100")
    sums = scores.astype(np.float32) @ counts.T.astype(np.float32)  # (N, draws), in half of float64's time
    outside = (100 - confidence) / 2
    low, high = np.percentile(sums, [outside, 100 - outside], axis=1, overwrite_input=True) / counts.shape[1]
    return low, high
