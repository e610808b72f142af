"""The revisited benchmark's protocol: from descriptors or scores and ground truth to mAP and mP@k.

Ground truth is a list, one a query, of {"easy", "hard", "junk"}: database rows, in no two classes. Distractors are
never in it: they are negatives. Values are fractions, not percent; nan stands for a query without positives.
"""

from collections.abc import Callable, Sequence

import numpy as np

from aml.evaluation.counting import Counts, count_above, repeated

CLASSES = ("easy", "hard", "junk")
LEVELS = {  # positives, junk
    "easy": (("easy",), ("junk", "hard")),
    "medium": (("easy", "hard"), ("junk",)),
    "hard": (("hard",), ("junk", "easy")),
}
PLACES = (1, 5, 10)  # the k of mP@k

GroundTruth = Sequence[dict[str, Sequence[int] | np.ndarray]]


def evaluate(
    queries: np.ndarray,
    database: np.ndarray,
    ground_truth: GroundTruth,
    *,
    distractors: Sequence[np.ndarray] = (),
    whiten: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[dict, dict | None]:
    """The results (see `summarise`) on the database alone and with all distractors appended, None without them.

    One pass over all rows; arguments as in `count_above`. Symmetric testing is queries and database by one network,
    asymmetric testing by two; whiten is the database network's in both.

    Raises ValueError as `count_above` and `labelled_rows` do.
    """
    labelled = labelled_rows(ground_truth, len(database))
    counts = count_above(queries, database, labelled, distractors=distractors, whiten=whiten)
    alone = summarise(counts, ground_truth, with_distractors=False)
    return alone, summarise(counts, ground_truth, with_distractors=True) if len(distractors) else None


def summarise(counts: Counts, ground_truth: GroundTruth, *, with_distractors: bool) -> dict[str, dict]:
    """{level: {"mAP", "mP@1", "mP@5", "mP@10": float, "AP", "P@1", "P@5", "P@10": (Q,), "num_queries": int}}.

    The means are over the level's num_queries queries that have positives; a level without one is left out.
    """
    results = {}
    for level in LEVELS:
        ranks = ranks_of_positives(counts, *protocol_labels(ground_truth, level), with_distractors=with_distractors)
        num_queries = sum(len(ranks_of_query) > 0 for ranks_of_query in ranks)
        if not num_queries:
            continue
        per_query = {"AP": np.array([average_precision(ranks_of_query) for ranks_of_query in ranks])}
        for k in PLACES:
            per_query[f"P@{k}"] = np.array([precision_at(ranks_of_query, k) for ranks_of_query in ranks])
        means = {f"m{name}": float(np.nanmean(values)) for name, values in per_query.items()}
        results[level] = {**means, **per_query, "num_queries": num_queries}
    return results


def ranks_of_positives(
    counts: Counts, positives: Sequence[np.ndarray], junk: Sequence[np.ndarray], *, with_distractors: bool
) -> list[np.ndarray]:
    """Per query, the rising zero-based ranks of its positives once the junk is taken out of the ranking."""
    ranks = []
    for i, rows in enumerate(counts.labelled):
        above = counts.database[i] + counts.distractors[i] if with_distractors else counts.database[i]
        junk_above, positives_above = (
            np.sort(above[np.isin(rows, chosen[i], assume_unique=True)]) for chosen in (junk, positives)
        )
        ranks.append(positives_above - np.searchsorted(junk_above, positives_above))
    return ranks


def average_precision(ranks: np.ndarray) -> float:
    """AP by trapezoids from the rising zero-based ranks (P,) of all positives; nan for none.

    The mean over j of (p0 + p1) / 2 with p0 = j / r_j, or 1 when r_j = 0, and p1 = (j + 1) / (r_j + 1): not the finite
    sum of other benchmarks. Positives at places 2 and 4 give 1/3.
    """
    if len(ranks) == 0:
        return float("nan")
    found = np.arange(len(ranks))
    before = np.where(ranks == 0, 1.0, found / np.maximum(ranks, 1))
    return float(np.mean((before + (found + 1) / (ranks + 1)) / 2))


def precision_at(ranks: np.ndarray, k: int) -> float:
    """Share of positives in the first k' places, k' = min(k, place of the last positive); nan for no positives."""
    if len(ranks) == 0:
        return float("nan")
    k = min(k, int(ranks[-1]) + 1)
    return float(np.count_nonzero(ranks < k) / k)


def protocol_labels(ground_truth: GroundTruth, level: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Positives and junk of each query at a level: easy, medium or hard."""
    if level not in LEVELS:
        raise ValueError(f"unknown level {level!r}; known: {', '.join(LEVELS)}")
    return tuple([_rows(query, classes) for query in ground_truth] for classes in LEVELS[level])


def labelled_rows(ground_truth: GroundTruth, num_database: int) -> list[np.ndarray]:
    """All labelled rows of each query: easy, hard, junk.

    Raises ValueError for a missing or unknown class, rows that are not integers from 0 to num_database - 1, and rows
    that are in two classes, or twice in one.
    """
    for i, query in enumerate(ground_truth):
        if set(query) != set(CLASSES):
            raise ValueError(f"ground truth of query {i} has classes {sorted(query)}; accepted: {', '.join(CLASSES)}")
        for name in CLASSES:
            rows = np.asarray(query[name])
            if len(rows) and (rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer)):
                raise ValueError(
                    f"ground truth of query {i}: {name} is {rows.dtype} {rows.shape}; accepted: integers (n,)"
                )
            outside = rows[(rows < 0) | (rows >= num_database)]
            if len(outside):
                raise ValueError(
                    f"ground truth of query {i}: {name} row {outside[0]}; accepted: 0 to {num_database - 1}"
                )
        twice = repeated(_rows(query, CLASSES))
        if len(twice):
            raise ValueError(
                f"ground truth of query {i}: row {twice[0]} is labelled twice; accepted: once, in one class"
            )
    return [_rows(query, CLASSES) for query in ground_truth]


def _rows(query: dict[str, Sequence[int] | np.ndarray], classes: Sequence[str]) -> np.ndarray:
    return np.concatenate([np.asarray(query[name]).astype(np.int64) for name in classes])
