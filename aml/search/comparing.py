"""What a kind of index gives and costs: recall against the exact search, mAP, bytes a row, milliseconds a query."""

import statistics
import time

import faiss
import numpy as np

from aml.evaluation.ranking import GroundTruth, labelled_rows, summarise
from aml.search.database import TeacherDatabase

TOP = 10
DEPTH = 10_000  # of the rankings for mAP: positives further down count as never found
NEVER = 10**12  # the rank of a row that was not found
LEVEL = "medium"


def compare(index: faiss.Index, database: TeacherDatabase, queries: dict[str, np.ndarray], exact: np.ndarray) -> dict:
    """Measure an index of all of `database.parts`, in their order, and empty it.

    queries: test set -> (Q, D), whitened. exact: (all Q, TOP), the rows that an exact search finds for them.
    `bytes_a_row`: what each row adds; `bytes_besides`: what an empty index has, as the quantiser's own vectors.
    """
    together = np.concatenate(list(queries.values()))
    found = index.search(together, exact.shape[1])[1]
    sizes = [len(database.images[name]) for name in database.parts]
    set_of_row = np.repeat(list(database.parts.values()), sizes)
    scores = {}
    for name, of_set in queries.items():
        ranked = index.search(of_set, min(DEPTH, index.ntotal))[1]
        accepted = (set_of_row == name) | ~np.isin(set_of_row, database.lists.test_sets)
        first = int((set_of_row == name).argmax())
        scores[name] = mean_average_precision(ranked, accepted, first, database.lists.ground_truth[name])
    num_rows, taken, time_taken = index.ntotal, faiss.serialize_index(index).nbytes, milliseconds(index, together)
    index.reset()
    besides = faiss.serialize_index(index).nbytes
    return {
        "bytes_a_row": round((taken - besides) / num_rows, 1),
        "bytes_besides": besides,
        "milliseconds_a_query": round(time_taken, 4),
        f"recall_at_{TOP}": round(recall(found, exact), 4),
        "mAP": {name: round(100 * score, 2) for name, score in scores.items()},
    }


def milliseconds(index: faiss.Index, queries: np.ndarray) -> float:
    """Return the median time of a search for the TOP nearest of one query, over `queries` (Q, D)."""
    times = []
    for query in queries:
        started = time.perf_counter()
        index.search(query[None], min(TOP, index.ntotal))
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    """Return the share of the rows `exact` (Q, k) that are also in `found` (Q, k)."""
    return float(np.mean([np.isin(wanted, given).mean() for given, wanted in zip(found, exact, strict=True)]))


def mean_average_precision(ranked: np.ndarray, accepted: np.ndarray, first: int, ground_truth: GroundTruth) -> float:
    """Return the Medium mAP of one test set, 0 to 1, from a ranking of several sets' rows.

    ranked: (Q, k), rows by falling similarity, -1 for none. accepted: (N,) bool, this set's rows and the distractors;
    others are left out. first: the set's first row. Positives that are not in `ranked` count as never found, queries
    without positives not at all.
    """
    above = []
    for rows, labelled in zip(ranked, labelled_rows(ground_truth), strict=True):
        kept = rows[(rows >= 0) & accepted[rows]] - first
        places = {row: place for place, row in enumerate(kept.tolist())}
        above.append(np.array([places.get(row, NEVER) for row in labelled.tolist()]))
    return summarise(above, ground_truth)[LEVEL]["mAP"]
