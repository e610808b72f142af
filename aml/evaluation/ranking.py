"""The revisited benchmark's protocol: from descriptors and ground truth to mAP and mP@k (METHOD, Section 4).

Ground truth is a list with {"easy", "hard", "junk"} for each query: rows of the database, int64, each in one class at
most, as `preprocess` checks. All other rows are negatives, distractors included. Values are
fractions, not percent; nan marks a query without positives.
"""

from collections.abc import Sequence

import numpy as np

from aml.evaluation.counting import count_above

CLASSES = ("easy", "hard", "junk")
LEVELS = {  # positives, junk
    "easy": (("easy",), ("junk", "hard")),
    "medium": (("easy", "hard"), ("junk",)),
    "hard": (("hard",), ("junk", "easy")),
}
CUTOFFS = (1, 5, 10)  # the k of mP@k

GroundTruth = Sequence[dict[str, np.ndarray]]


def evaluate(
    queries: np.ndarray, database: np.ndarray, ground_truth: GroundTruth, distractors: np.ndarray | None = None
) -> tuple[dict, dict | None]:
    """Return the results (see `summarise`) without and with distractors, both from one pass over all rows; the second
    is None where there are no distractors.

    Arguments are those of `count_above`. Symmetric testing describes queries and database by one network, asymmetric
    testing by two. Raises ValueError as `count_above` does.
    """
    in_database, in_distractors = count_above(queries, database, labelled_rows(ground_truth), distractors)
    without = summarise(in_database, ground_truth)
    if distractors is None:
        return without, None
    return without, summarise([sum(both) for both in zip(in_database, in_distractors, strict=True)], ground_truth)


def summarise(above: Sequence[np.ndarray], ground_truth: GroundTruth) -> dict[str, dict]:
    """Return {level: {"mAP", "mP@1", "mP@5", "mP@10": float, "AP", "P@1", "P@5", "P@10": (Q,), "num_queries": int}}.

    above: for each query, how many rows rank above each of its `labelled_rows`. The means are over the level's
    num_queries queries that have positives; a level without one is left out.
    """
    classes = [_by_class(*of_query) for of_query in zip(above, ground_truth, strict=True)]
    results = {}
    for level, of_level in LEVELS.items():
        ranks = [ranks_of_positives(of_query, *of_level) for of_query in classes]
        per_query = {"AP": np.array([average_precision(ranks_of_query) for ranks_of_query in ranks])}
        per_query |= {
            f"P@{k}": np.array([precision_at(ranks_of_query, k) for ranks_of_query in ranks]) for k in CUTOFFS
        }
        if any(map(len, ranks)):
            results[level] = summary(per_query)
    return results


def summary(per_query: dict[str, np.ndarray]) -> dict:
    """Return a level of `summarise` from each query's measures (Q,), nan for queries without positives."""
    means = {f"m{name}": float(np.nanmean(values)) for name, values in per_query.items()}
    return {**means, **per_query, "num_queries": np.count_nonzero(~np.isnan(per_query["AP"]))}


def _by_class(above: np.ndarray, query: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    ends = np.cumsum([len(query[name]) for name in CLASSES])
    return dict(zip(CLASSES, np.split(above, ends[:-1]), strict=True))


def ranks_of_positives(above: dict[str, np.ndarray], positives: Sequence[str], junk: Sequence[str]) -> np.ndarray:
    """Return the rising zero-based ranks of a query's positives in the ranking without junk; both name classes."""
    found, removed = (np.sort(np.concatenate([above[name] for name in names])) for names in (positives, junk))
    return found - np.searchsorted(removed, found)


def average_precision(ranks: np.ndarray) -> float:
    """Return AP by trapezoids from the rising zero-based ranks (P,) of all positives; nan for none.

    The mean over j of (p0 + p1) / 2 with p0 = j / r_j, or 1 when r_j = 0, and p1 = (j + 1) / (r_j + 1). Other
    benchmarks use the finite sum. Positives at ranks 1 and 3 give 1/3.
    """
    if len(ranks) == 0:
        return float("nan")
    found = np.arange(len(ranks))
    before = np.where(ranks == 0, 1.0, found / np.maximum(ranks, 1))
    return float(np.mean((before + (found + 1) / (ranks + 1)) / 2))


def precision_at(ranks: np.ndarray, k: int) -> float:
    """Return the share of positives in the first min(k, rank of the last positive + 1) results; nan for none."""
    if len(ranks) == 0:
        return float("nan")
    k = min(k, int(ranks[-1]) + 1)
    return float(np.count_nonzero(ranks < k) / k)


def protocol_labels(ground_truth: GroundTruth, level: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the positives and the junk of each query at a level of LEVELS."""
    return tuple([_rows(query, classes) for query in ground_truth] for classes in LEVELS[level])


def labelled_rows(ground_truth: GroundTruth) -> list[np.ndarray]:
    """Return the labelled rows of each query: easy, hard, junk."""
    return [_rows(query, CLASSES) for query in ground_truth]


def _rows(query: dict[str, np.ndarray], classes: Sequence[str]) -> np.ndarray:
    return np.concatenate([np.asarray(query[name]).astype(np.int64) for name in classes])
