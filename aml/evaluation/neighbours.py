"""The nearest database rows of each query, for lists that people look at. Evaluation does without: see `ranking`."""

import functools
import sys

import numpy as np


def nearest(queries: np.ndarray, database: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (Q, k) int64 and similarities (Q, k) float64 of the k nearest of database (N, D) to queries (Q, D).

    All are unit-norm. Neighbours are sorted by similarity falling, then by row rising. Faiss's exact index on the CPU
    proposes rows. It breaks ties in any order, so the function asks for more rows until the last one is less similar
    than the k-th by more than a float32 product can be wrong, and sorts them by their similarities in float64. Without
    faiss it sorts all rows in this way, with the same result.

    Raises ValueError for k outside 1 to N.
    """
    if not 1 <= k <= len(database):
        raise ValueError(f"k {k}; accepted: 1 to {len(database)}, the database's rows")
    index, every_row = _index(database), np.arange(len(database))
    error = 1.01 * queries.shape[1] * 2.0**-24
    neighbours, similarities = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    for i, query in enumerate(np.ascontiguousarray(queries, dtype=np.float32)):
        asked = min(2 * k, len(database)) if index else len(database)
        while True:
            is_all = asked == len(database)
            proposed, rows = (None, every_row) if is_all else (found[0] for found in index.search(query[None], asked))
            exact = np.einsum("nd,d->n", database[rows].astype(np.float64), query.astype(np.float64))
            order = np.lexsort((rows, -exact))[:k]
            if is_all or proposed[-1] + error < exact[order[-1]]:
                break
            asked = min(2 * asked, len(database))
        neighbours[i], similarities[i] = rows[order], exact[order]
    return neighbours, similarities


def _index(database: np.ndarray):
    """Return faiss's exact index of the rows of database (N, D); None without faiss."""
    faiss = _faiss()
    if faiss is None:
        return None
    index = faiss.IndexFlatIP(database.shape[1])
    index.add(np.ascontiguousarray(database, dtype=np.float32))
    return index


@functools.cache
def _faiss():
    """Return the module, or None after one line that says so. Imported late, since it takes half a second."""
    try:
        import faiss
    except ImportError as error:
        print(f"faiss can't be imported ({error}): NumPy searches the neighbours, and finds the same", file=sys.stderr)
        return None
    return faiss
