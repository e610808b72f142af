"""Which queries show one landmark, from their labels. Statistics that draw queries draw all those of a landmark
together.

Two queries show one landmark if they share at least half of the positives (easy and hard) of the one that has fewer, or
if a chain of such queries joins them. It is half because a photograph may show two landmarks: ROxford5k's queries of 11
buildings would be 7 groups if one shared positive were enough. They are 12: one Balliol query shares none with the
others.
"""

import numpy as np

from aml.evaluation.ranking import GroundTruth, protocol_labels


def landmarks(ground_truth: GroundTruth) -> list[int]:
    """Return the number of each query's landmark, from 0 on in the order of first queries; a query without positives
    has a landmark to itself."""
    positives = [set(rows.tolist()) for rows in protocol_labels(ground_truth, "medium")[0]]
    numbers = np.arange(len(positives))
    for query, own in enumerate(positives):
        for other in range(query):
            if numbers[other] != numbers[query] and _alike(own, positives[other]):
                joined = (numbers[other], numbers[query])
                numbers[np.isin(numbers, joined)] = min(joined)
    return np.unique(numbers, return_inverse=True)[1].tolist()


def _alike(first: set[int], second: set[int]) -> bool:
    return 2 * len(first & second) >= min(len(first), len(second)) > 0
