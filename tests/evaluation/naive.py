"""Rankings by the plain means that aml.evaluation avoids: all similarities in float64, and a full sort."""

import numpy as np


def similarities(queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the similarities (Q, N) of rows (N, D) with queries (Q, D), each summed in float64."""
    return (rows.astype(np.float64)[None] * queries.astype(np.float64)[:, None]).sum(axis=2)


def counts_by_sorting(scores: np.ndarray, labelled: list, *, num_distractors: int = 0) -> tuple[list, list]:
    """Return the counts above labelled rows from scores (Q, N), whose last num_distractors columns are distractors."""
    num_database, found = scores.shape[1] - num_distractors, ([], [])
    for row, rows in zip(scores, labelled, strict=True):
        order = np.argsort(-row, kind="stable")
        ahead = [order[: np.flatnonzero(order == labelled_row)[0]] for labelled_row in rows]
        found[0].append(np.array([(rows < num_database).sum() for rows in ahead], int))
        found[1].append(np.array([(rows >= num_database).sum() for rows in ahead], int))
    return found
