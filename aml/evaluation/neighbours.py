"""The nearest database rows of each query, for lists that people look at and for `expansion`. Ranking does not use
them."""

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
    queries, index = np.ascontiguousarray(queries, dtype=np.float32), _index(database)
    error = 1.01 * queries.shape[1] * 2.0**-24
    neighbours, similarities = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    unsure, asked = np.arange(len(queries)), min(2 * k, len(database)) if index else len(database)
    while len(unsure):
        if asked == len(database):
            least, proposed = np.full(len(unsure), -np.inf), [np.arange(len(database))] * len(unsure)
        else:
            products, proposed = index.search(queries[unsure], asked)
            least = products[:, -1]
        for i, rows in zip(unsure, proposed, strict=True):
            exact = np.einsum("nd,d->n", database[rows].astype(np.float64), queries[i].astype(np.float64))
            order = np.lexsort((rows, -exact))[:k]
            neighbours[i], similarities[i] = rows[order], exact[order]
        unsure = unsure[least + error >= similarities[unsure, -1]]
        asked = min(2 * asked, len(database))
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
