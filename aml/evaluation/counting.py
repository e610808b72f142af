"""Count how many rows rank above each labelled row: exactly, in one pass over the database, without sorting it.

Rows rank by similarity falling, then by row number rising. A row's similarity is its inner product with the query,
summed in float64 one row at a time by `_similarities`. Equal rows therefore tie exactly, and nothing depends on how the
rows are cut into blocks. BLAS products are faster, but their rounding depends on the block's shape and the machine.
They only sort out the rows that are too far from every labelled row for that rounding to matter; the others are
compared by their exact similarity.

Two bounds on a product's error, with u = 2^-24: D u holds for every order of summation but is far above what occurs.
sqrt(D) u is tried first; each exact comparison measures the error, and if one exceeds half the bound, all rows are
counted again with D u.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from threadpoolctl import ThreadpoolController

BLOCK_BYTES = 16 * 2**20  # of float32 rows at a time, in each thread
MAX_THREADS = 8  # more would wait for Python's lock
PRODUCT_ROWS = 512  # at a time: enough for a fast product, and few enough to stay in the processor's cache
GATHERED_ROWS = 512  # labelled rows at a time, in each thread
NORM_TOLERANCE = 1e-3  # rounding to float16 moves norms by up to 5e-4, whitening by 1e-6 / |P (x - m)|
BUCKETS = 2**13  # per unit of similarity; a power of two, so that scaling the queries is exact


def count_above(
    queries: np.ndarray, database: np.ndarray, labelled: Sequence[np.ndarray], distractors: np.ndarray | None = None
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return, for each of queries (Q, D), how many rows of database (N, D) and of distractors (M, D) rank above each of
    its labelled rows.

    All are unit-norm, float32 or float16, memory maps included. labelled: for each query, the numbers of rows of the
    database, each once. Distractors' row numbers go on from N. Raises ValueError for rows that are not of unit norm.
    """
    parts = {"database": database, "distractors": database[:0] if distractors is None else distractors}
    blas = ThreadpoolController().select(user_api="blas")
    num_threads = min(MAX_THREADS, max((library.num_threads for library in blas.lib_controllers), default=1))
    certain = 1.01 * queries.shape[1] * 2.0**-24  # 1.01: rows a little longer than 1, and D u / (1 - D u)
    # Each thread counts a block by itself, its product included: a product of many threads waits for the slowest.
    with blas.limit(limits=1), ThreadPoolExecutor(num_threads) as threads:
        queries = _unit_rows(queries, "queries", slice(0, len(queries)))
        similarities = _labelled_similarities(queries, database, labelled, threads)
        for tolerance in (min(certain, queries.shape[1] ** 0.5 * 2.0**-24), certain):
            bins = _Bins(queries, labelled, similarities, tolerance)
            num_in_bin, largest_error = _fill(bins, parts, threads)
            if largest_error <= tolerance / 2:
                break
    return bins.above(num_in_bin["database"]), bins.above(num_in_bin["distractors"])


def _fill(
    bins: "_Bins", parts: dict[str, np.ndarray], threads: ThreadPoolExecutor
) -> tuple[dict[str, np.ndarray], float]:
    """Return how many rows of the database and of the distractors are in each bin, and the largest error met."""
    block_rows = BLOCK_BYTES // (4 * bins.queries.shape[1])
    num_in_bin, largest_error, first_row = {}, 0.0, 0
    for name, part in parts.items():
        num_in_bin[name] = np.zeros(len(bins.rows), np.int64)
        count = partial(bins.count, np.asarray(part), name, first_row)
        for in_block, error in threads.map(count, _slices(0, len(part), block_rows)):
            num_in_bin[name] += in_block
            largest_error = max(largest_error, error)
        first_row += len(part)
    return num_in_bin, largest_error


class _Bins:
    """Bins between the labelled rows of each query, numbered through all queries.

    A query's labelled rows are sorted by rising similarity. A database row's bin is the index of the first labelled row
    that ranks at or above it; one extra bin holds the rows above all of them.

    A table gives the bin of a product without a search. Products are cut to `BUCKETS` buckets per unit; an entry is
    2 * bin where all rows whose product is in the bucket are in one bin, 2 * bin + 1 where `bin` is only the lowest.
    """

    def __init__(
        self, queries: np.ndarray, labelled: Sequence[np.ndarray], similarities: list[np.ndarray], tolerance: float
    ):
        self.queries, self.tolerance = queries, tolerance
        self.scaled = np.ascontiguousarray((queries * np.float32(BUCKETS)).T)  # (D, Q), which products read faster
        self.orders = [np.lexsort((-rows, values)) for rows, values in zip(labelled, similarities, strict=True)]
        sizes = [len(order) + 1 for order in self.orders]
        self.starts = np.cumsum([0, *sizes])
        self.rows, self.similarities = np.full(sum(sizes), -1), np.full(sum(sizes), np.inf)  # of the extra bins
        last = int(BUCKETS * (1 + NORM_TOLERANCE) ** 2) + 1
        edges = np.arange(-last, last + 1) / BUCKETS  # products are cut towards 0
        low, high = np.where(edges > 0, edges, edges - 1 / BUCKETS), np.where(edges < 0, edges, edges + 1 / BUCKETS)
        self.table = np.empty((len(sizes), len(edges)), np.min_scalar_type(2 * sum(sizes)))
        for i, (order, start) in enumerate(zip(self.orders, self.starts, strict=False)):
            own = slice(start, start + len(order))
            self.rows[own], self.similarities[own] = labelled[i][order], similarities[i][order]
            lowest = _num_passed(self.similarities[own], low - tolerance, "right")
            highest = _num_passed(self.similarities[own], high + tolerance, "left")
            self.table[i] = 2 * (start + lowest) + (lowest < highest)
        self.zeros = np.arange(len(sizes), dtype=np.intp) * len(edges) + last  # product 0's entries

    def above(self, num_in_bin: np.ndarray) -> list[np.ndarray]:
        """Return how many rows rank above each labelled row, in the order in which these were given."""
        found = []
        for order, start in zip(self.orders, self.starts, strict=False):
            counts = np.empty(len(order), np.int64)
            counts[order] = num_in_bin[start + 1 : start + len(order) + 1][::-1].cumsum()[::-1]
            found.append(counts)
        return found

    def count(self, part: np.ndarray, name: str, first_row: int, block: slice) -> tuple[np.ndarray, float]:
        """Return how many rows of part[block] are in each bin, and the largest error of a product that was compared
        exactly. first_row: the number of the part's first row."""
        num_in_bin, unsure = np.zeros(len(self.rows), np.int64), []
        for some in _slices(block.start, block.stop, PRODUCT_ROWS):
            products = _unit_rows(part, name, some) @ self.scaled
            codes = self.table.take(products.astype(np.int32) + self.zeros).ravel()
            num_in_bin += np.bincount(codes, minlength=2 * len(num_in_bin))[::2]
            found = np.flatnonzero((codes & 1).astype(np.bool_))  # flat booleans are searched much faster
            rows, owners = np.divmod(found, len(self.queries))
            unsure.append((owners, rows + some.start, codes[found] >> 1, products.ravel()[found]))
        owners, rows, bins, products = (np.concatenate(parts) for parts in zip(*unsure, strict=True))
        products = products.astype(np.float64) / BUCKETS
        bins = self._climb(bins, products - self.tolerance)
        close = np.flatnonzero(self.similarities[bins] <= products + self.tolerance)
        owners, rows, similarities = owners[close], rows[close], np.empty(len(close))
        for query in np.unique(owners):
            own = np.flatnonzero(owners == query)
            similarities[own] = _similarities(part[rows[own]], self.queries[query])
        bins[close] = self._climb(bins[close], similarities, rows + first_row)
        num_in_bin += np.bincount(bins, minlength=len(num_in_bin))
        return num_in_bin, float(np.abs(similarities - products[close]).max(initial=0))

    def _climb(self, bins: np.ndarray, similarities: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the bins (n,) of rows with these similarities, given lower ones; without row numbers ties stay."""
        while True:
            above = self.similarities[bins] < similarities
            if rows is not None:
                above |= (self.similarities[bins] == similarities) & (self.rows[bins] > rows)
            if not above.any():
                return bins
            bins = bins + above


def _num_passed(values: np.ndarray, edges: np.ndarray, side: str) -> np.ndarray:
    """Return how many values are below each of these rising edges; with side "left" those equal to it are counted."""
    return np.bincount(np.searchsorted(edges, values, side), minlength=len(edges) + 1)[:-1].cumsum()


def _labelled_similarities(
    queries: np.ndarray, database: np.ndarray, labelled: Sequence[np.ndarray], threads: ThreadPoolExecutor
) -> list[np.ndarray]:
    """Return the exact similarities of each query's labelled rows, reading only these."""

    def of_query(query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        slices = _slices(0, len(rows), GATHERED_ROWS)
        return np.concatenate([np.empty(0), *(_similarities(database[rows[some]], query) for some in slices)])

    return list(threads.map(of_query, queries, labelled))


def _similarities(rows: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Return the exact similarities (n,) of rows (n, D), float32 or float16, with a query (D,), each summed in
    float64."""
    return np.einsum("nd,d->n", rows.astype(np.float64), query.astype(np.float64))


def _slices(start: int, stop: int, step: int) -> Iterator[slice]:
    step = max(1, step)
    return (slice(first, min(first + step, stop)) for first in range(start, stop, step))


def _unit_rows(part: np.ndarray, name: str, rows: slice) -> np.ndarray:
    """Return some rows (n, D), float32. Raises ValueError for a row that is not of unit norm."""
    found = _as_float32(part[rows])
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.sqrt(np.vecdot(found, found))
    wrong = np.flatnonzero(~(np.abs(norms - 1) <= NORM_TOLERANCE))  # not >: nan is wrong, too
    if len(wrong):
        raise ValueError(
            f"{name}, row {rows.start + wrong[0]}: norm {norms[wrong[0]]}; accepted: finite "
            f"descriptors of norm 1 within {NORM_TOLERANCE}"
        )
    return found


def _as_float32(rows: np.ndarray) -> np.ndarray:
    """Return float32 rows of float32 or float16 ones. NumPy's own conversion of float16 takes as long as the product
    with 70 queries, this half of that."""
    if rows.dtype == np.float32:
        return np.ascontiguousarray(rows)
    bits = np.ascontiguousarray(rows).view(np.int16).astype(np.int32)
    # Move sign, exponent and fraction to where float32 has them; the exponents' offsets differ by 127 - 15 = 112.
    # Infinity and nan become 2^16 and more, which no unit-norm row survives.
    bits <<= 13
    bits &= np.int32(-0x70002000)
    converted = bits.view(np.float32)
    converted *= np.float32(2.0**112)
    return converted
