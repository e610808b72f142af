"""The scores of a random ranking: the exact mean of each measure over all orders of the images that are not junk.

With P positives among n images, every set of P ranks is equally likely (METHOD, Section 8).
"""

import math
from functools import cache

import numpy as np

from aml.evaluation.ranking import CUTOFFS, LEVELS, GroundTruth, protocol_labels, summary


def chance(ground_truth: GroundTruth, num_images: int) -> dict[str, dict]:
    """Return what `ranking.summarise` gives, for a random ranking of num_images images: database and distractors."""
    results = {}
    for level in LEVELS:
        positives, junk = protocol_labels(ground_truth, level)
        sizes = [(len(found), num_images - len(removed)) for found, removed in zip(positives, junk, strict=True)]
        per_query = {"AP": np.array([average_precision(*size) for size in sizes])}
        per_query |= {f"P@{k}": np.array([precision_at(*size, k) for size in sizes]) for k in CUTOFFS}
        if any(num_positives for num_positives, _ in sizes):
            results[level] = summary(per_query)
    return results


def average_precision(num_positives: int, num_images: int) -> float:
    """Return the mean of `ranking.average_precision`; nan without positives.

    The image of rank r is a positive with probability P / n, and then r q of those before it are, q = (P - 1) / (n -
    1). So the sum over positives of p1 is P / n times the sum over r of (1 + r q) / (r + 1), which is n q + (1 - q) H
    with H = 1 + 1/2 + ... + 1/n; that of p0 is P / n times 1 + (n - 1) q, which is P.
    """
    if num_positives == 0:
        return float("nan")
    q = (num_positives - 1) / max(num_images - 1, 1)
    return (num_images * q + (1 - q) * _harmonic(num_images) + num_positives) / (2 * num_images)


def precision_at(num_positives: int, num_images: int, k: int) -> float:
    """Return the mean of `ranking.precision_at`; nan without positives.

    It is P / n by itself. If the last positive is at place m < k, which has probability C(m - 1, P - 1) / C(n, P), it
    is P / m instead of P / k.
    """
    if num_positives == 0:
        return float("nan")
    k = min(k, num_images)
    lasts = range(num_positives, k)
    gains = (math.comb(last - 1, num_positives - 1) * (num_positives / last - num_positives / k) for last in lasts)
    return num_positives / num_images + sum(gains) / math.comb(num_images, num_positives)


@cache
def _harmonic(number: int) -> float:
    """Return 1 + 1/2 + ... + 1/number. Above 1000 terms it is the formula of Euler and Maclaurin, exact to 1e-14."""
    if number > 1000:
        return math.log(number) + np.euler_gamma + 1 / (2 * number) - 1 / (12 * number**2)
    return float(np.sum(1 / np.arange(1, number + 1)))
