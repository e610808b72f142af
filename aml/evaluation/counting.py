"""How many rows rank above each labelled row, exactly, in one pass over the database and without sorting it.

The rule: similarity falling, then row number rising. A row's similarity is its inner product with the query, summed in
float64 one row at a time by `_similarities`: equal rows tie exactly wherever they lie, and nothing depends on the size
or the number of blocks. A BLAS product, whose rounding changes with block shape, place and machine, only finds the rows
too close to a labelled one for its error to be ignored; those are compared by their exact similarity. Two bounds on
that error, u = 2^-24: D u holds for sums in whatever order, but is far above what occurs; sqrt(D) u is used first,
each exact comparison measures the error, and if one exceeds half the bound, all is counted again with the other.

Blocks are counted side by side, each by one thread, its product included: a product of many threads waits for the
slowest of them, and nothing else runs meanwhile.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from threadpoolctl import ThreadpoolController

BLOCK_BYTES = 16 * 2**20  # of float32 rows at a time, in each thread
MAX_THREADS = 8  # Python's own part of the work is done by one at a time
TILE_ROWS = 512  # blocks are whole tiles from each array's first row on, as whitening's are
SLICE_SIZE = 2**16  # numbers that stay in the processor's cache, as float64 too
NORM_TOLERANCE = 1e-3  # float16 rows are off by up to 5e-4, whitened rows by 1e-6 / |x|
SCALE = 2.0**14  # bins per unit of similarity; a power of two, so that scaling the queries is exact

Whiten = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Counts:
    """Per query, aligned with its labelled rows: how many rows of either part rank above each of them, int64."""

    labelled: list[np.ndarray]
    database: list[np.ndarray]
    distractors: list[np.ndarray]


def count_above(
    queries: np.ndarray,
    database: np.ndarray,
    labelled: Sequence[np.ndarray],
    *,
    distractors: Sequence[np.ndarray] = (),
    whiten: Whiten | None = None,
    block_rows: int | None = None,
) -> Counts:
    """Counts for queries (Q, D) against database (N, D) and distractors (M, D)..., whose row numbers go on from N.

    All unit-norm, float32 or float16, memory maps welcome. labelled: per query, rows of the database, each once.
    whiten: float32 (B, D) -> float32 (B, D'), applied to blocks of rows and to the queries; a row's result must not
    depend on the others, see `Whitening.apply`. block_rows: rounded up to a multiple of 512; by default 16 MiB of them.

    Raises ValueError, with part and row, for dtypes, dimensions, labels out of range, non-finite rows and rows that are
    not of unit norm (before and after whitening).
    """
    _check_shape(queries, "queries", queries.shape[1:])
    parts = [("database", np.asarray(database))]
    parts += [(f"distractors[{i}]", np.asarray(part)) for i, part in enumerate(distractors)]
    for name, part in parts:
        _check_shape(part, name, queries.shape[1:])
    labelled = _checked_labelled(labelled, len(queries), len(database))
    block_rows = block_rows or max(1, BLOCK_BYTES // (4 * queries.shape[1]))
    block_rows += -block_rows % TILE_ROWS
    blas = ThreadpoolController().select(user_api="blas")
    num_threads = min(MAX_THREADS, max((library.num_threads for library in blas.lib_controllers), default=1))
    certain = 1.01 * queries.shape[1] * 2.0**-24  # 1.01: rows a little longer than 1, and D u / (1 - D u)
    # of BLAS's threads the rest of this has one too: with another number a whitened row could have other bits
    with blas.limit(limits=1), ThreadPoolExecutor(num_threads) as threads:
        queries = np.concatenate(
            [_block(queries, "queries", start, block_rows, whiten) for start in _starts(queries, block_rows)]
        )
        if not any(len(rows) for rows in labelled):
            return Counts(labelled, labelled, labelled)  # all empty
        similarities = _labelled_similarities(queries, parts[0][1], labelled, whiten, threads)
        for tolerance in (min(certain, queries.shape[1] ** 0.5 * 2.0**-24), certain):
            ladders = _Ladders(labelled, similarities)
            above, largest_error = _count_parts(ladders, queries, parts, tolerance, whiten, block_rows, threads)
            if largest_error <= tolerance / 2:
                break
    return Counts(labelled, *above)


def _count_parts(
    ladders: "_Ladders",
    queries: np.ndarray,
    parts: list[tuple[str, np.ndarray]],
    tolerance: float,
    whiten: Whiten | None,
    block_rows: int,
    threads: ThreadPoolExecutor,
) -> tuple[list[list[np.ndarray]], float]:
    """Rows above each labelled row, in the database and in the distractors, and the largest error met."""
    bins = ladders.bins(tolerance)

    def count_block(name: str, part: np.ndarray, first_row: int, start: int) -> tuple[np.ndarray, float]:
        block = _block(part, name, start, block_rows, whiten)
        return ladders.count(block, first_row + start, queries, bins, tolerance)

    above, largest_error, first_row = [], 0.0, 0
    for name, part in parts:
        for places, error in threads.map(partial(count_block, name, part, first_row), _starts(part, block_rows)):
            ladders.num_at_place += places
            largest_error = max(largest_error, error)
        first_row += len(part)
        if name == "database":
            above.append(ladders.take_above())
    return [*above, ladders.take_above()], largest_error


def count_above_in_scores(scores: np.ndarray, labelled: Sequence[np.ndarray], *, num_distractors: int = 0) -> Counts:
    """Counts from a matrix of scores (Q, N), compared as they are; its last num_distractors columns are distractors."""
    if scores.ndim != 2 or not np.isfinite(scores).all():
        raise ValueError(f"scores {scores.shape}; accepted: a finite matrix, one row a query")
    num_database = scores.shape[1] - num_distractors
    labelled = _checked_labelled(labelled, len(scores), num_database)
    ladders = _Ladders(labelled, [row[rows] for row, rows in zip(scores, labelled, strict=True)])
    above = []
    for columns in (np.arange(num_database), np.arange(num_database, scores.shape[1])):
        for row, start, stop in zip(scores, ladders.starts, ladders.stops, strict=True):
            lowest = start + np.searchsorted(ladders.similarities[start:stop], row[columns])
            ladders.add(ladders.climb(lowest, row[columns], columns))
        above.append(ladders.take_above())
    return Counts(labelled, *above)


class _Ladders:
    """Each query's labelled rows from the last in its ranking to the first, one query after the other.

    A row's place is the lowest labelled row that ranks above it, or is it; a query's last place is above all rows.
    """

    def __init__(self, labelled: list[np.ndarray], similarities: list[np.ndarray]):
        self.orders = [np.lexsort((-rows, values)) for rows, values in zip(labelled, similarities, strict=True)]
        self.stops = np.cumsum([len(rows) + 1 for rows in labelled], dtype=np.int64) - 1  # the sentinels' places
        self.starts = self.stops - [len(rows) for rows in labelled]
        num_places = sum(len(rows) + 1 for rows in labelled)
        self.similarities, self.rows = np.full(num_places, np.inf), np.full(num_places, -1)
        for rows, values, order, start, stop in zip(
            labelled, similarities, self.orders, self.starts, self.stops, strict=True
        ):
            self.similarities[start:stop], self.rows[start:stop] = values[order], rows[order]
        self.num_at_place = np.zeros(num_places, np.int64)

    def take_above(self) -> list[np.ndarray]:
        """Rows counted above each labelled row, in the order these were given; starts the next count at 0."""
        above = []
        for order, start, stop in zip(self.orders, self.starts, self.stops, strict=True):
            counts = np.empty(len(order), np.int64)
            counts[order] = self.num_at_place[start + 1 : stop + 1][::-1].cumsum()[::-1]
            above.append(counts)
        self.num_at_place[:] = 0
        return above

    def add(self, places: np.ndarray) -> None:
        """Counts rows at these places."""
        self.num_at_place += np.bincount(places, minlength=len(self.num_at_place))

    def climb(self, places: np.ndarray, similarities: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Places (n,) of rows with these similarities, from lower ones; without row numbers ties stay below."""
        while True:
            rungs = self.similarities[places]
            below = rungs < similarities
            if rows is not None:
                below |= (rungs == similarities) & (self.rows[places] > rows)
            if not below.any():
                return places
            places = places + below

    def bins(self, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
        """Codes of the integers that products scaled by SCALE are cut to, all queries' in one array, and the places of
        the integers 0 in it, (Q, 1).

        2 p: all products in the bin are at place p; 2 p + 1: the lowest is, others may be higher.
        """
        last = int(SCALE * (1 + NORM_TOLERANCE) ** 2) + 1
        length, dtype = 2 * last + 1, np.min_scalar_type(2 * len(self.similarities))
        codes = np.empty((len(self.starts), length), dtype)
        for codes_of, start, stop in zip(codes, self.starts, self.stops, strict=True):
            rungs = self.similarities[start:stop]
            lower, upper = (np.trunc((rungs + side) * SCALE).astype(np.int64) for side in (-tolerance, tolerance))
            reached, passed = (_num_reached(edges + last, length, dtype) for edges in (lower, upper + 1))
            codes_of[:] = 2 * (start.astype(dtype) + passed) + (reached > passed)
        return codes.ravel(), np.arange(len(codes))[:, None] * length + last

    def count(
        self,
        block: np.ndarray,
        first_row: int,
        queries: np.ndarray,
        bins: tuple[np.ndarray, np.ndarray],
        tolerance: float,
    ) -> tuple[np.ndarray, float]:
        """How many rows of a block (B, D) are at each place, and the largest error of a product that was compared
        exactly."""
        codes_of, zeros = bins
        num_at_place, unsure = np.zeros_like(self.num_at_place), []
        scaled = (queries * np.float32(SCALE)) @ block.T  # (Q, B)
        for some in _slices(*scaled.shape):  # not query by query: threads would wait for Python's lock
            cut = scaled[some].astype(np.intp)
            cut += zeros[some]
            codes = codes_of[cut].ravel()
            first, end = self.starts[some][0], self.stops[some][-1] + 1
            counts = np.bincount(codes - codes.dtype.type(2 * first), minlength=2 * (end - first))
            num_at_place[first:end] += counts[::2]
            found = np.flatnonzero((codes & 1).astype(np.bool_))  # flat bytes of truth are found much faster
            owners, columns = np.divmod(found, len(block))
            unsure.append((owners + some.start, columns, codes[found] >> 1))
        owners, columns, places = (np.concatenate(parts) for parts in zip(*unsure, strict=True))
        products = scaled[owners, columns].astype(np.float64) / SCALE
        places = self.climb(places, products - tolerance)
        close = np.flatnonzero(self.similarities[places] <= products + tolerance)
        owners, columns = owners[close], columns[close]
        similarities = _similarities(block, columns, queries, owners)
        places[close] = self.climb(places[close], similarities, columns + first_row)
        num_at_place += np.bincount(places, minlength=len(num_at_place))
        return num_at_place, float(np.abs(similarities - products[close]).max(initial=0))


def _num_reached(edges: np.ndarray, length: int, dtype: np.dtype) -> np.ndarray:
    """How many of these rising edges are at or below each integer from 0 to length - 1."""
    return np.repeat(np.arange(len(edges) + 1, dtype=dtype), np.diff(edges.clip(0, length), prepend=0, append=length))


def _similarities(block: np.ndarray, rows: np.ndarray, queries: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """Exact similarities (n,) of rows block[rows] with queries[owners]: each by itself, in float64."""
    similarities = np.empty(len(rows))
    queries = queries.astype(np.float64)
    for here in _slices(len(rows), queries.shape[1]):
        np.einsum("nd,nd->n", block[rows[here]].astype(np.float64), queries[owners[here]], out=similarities[here])
    return similarities


def _labelled_similarities(
    queries: np.ndarray,
    database: np.ndarray,
    labelled: list[np.ndarray],
    whiten: Whiten | None,
    threads: ThreadPoolExecutor,
) -> list[np.ndarray]:
    """Exact similarities of each query's labelled rows, reading only these, or to whiten them their tiles."""
    owners = np.repeat(np.arange(len(labelled)), [len(rows) for rows in labelled])
    rows = np.concatenate(labelled)
    values = np.empty(len(rows))
    by_row = np.argsort(rows, kind="stable")
    if whiten is None:
        groups = np.split(by_row, range(TILE_ROWS, len(rows), TILE_ROWS))
    else:
        groups = np.split(by_row, np.flatnonzero(np.diff(rows[by_row] // TILE_ROWS)) + 1)

    def compare(pairs: np.ndarray) -> None:
        if whiten is None:
            block, places = _as_float32(database[rows[pairs]]), np.arange(len(pairs))
            _check_norms(block, "database", rows[pairs])
        else:
            start = rows[pairs[0]] // TILE_ROWS * TILE_ROWS
            block, places = _block(database, "database", start, TILE_ROWS, whiten), rows[pairs] - start
        values[pairs] = _similarities(block, places, queries, owners[pairs])

    list(threads.map(compare, groups))
    return np.split(values, np.cumsum([len(rows) for rows in labelled])[:-1])


def _starts(part: np.ndarray, block_rows: int) -> range:
    return range(0, max(1, len(part)), block_rows)


def _slices(num_rows: int, dimension: int) -> Iterator[slice]:
    """All rows of `dimension` numbers, as few at a time as SLICE_SIZE says."""
    step = max(1, SLICE_SIZE // max(1, dimension))
    return (slice(start, start + step) for start in range(0, num_rows, step))


def _block(part: np.ndarray, name: str, start: int, num_rows: int, whiten: Whiten | None) -> np.ndarray:
    """Rows from `start` on, (B, D) float32, checked; whitened when asked."""
    block = _as_float32(part[start : start + num_rows])
    rows = range(start, start + len(block))
    _check_norms(block, name, rows)
    if whiten is not None:
        block = whiten(block)
        _check_norms(block, f"whitened {name}", rows)
    return block


def _as_float32(rows: np.ndarray) -> np.ndarray:
    """float32 rows of float32 or float16 ones; NumPy's own conversion of float16 can take longer than the product."""
    if rows.dtype == np.float32:
        return np.ascontiguousarray(rows)
    converted = np.empty(rows.shape, np.float32)
    for here in _slices(*rows.shape):
        bits = np.ascontiguousarray(rows[here]).view(np.int16).astype(np.int32)
        # Sign, exponent and fraction to float32's places; the exponents' offsets differ by 127 - 15 = 112. Infinity and
        # nan become 2^16 and more, which no unit-norm row survives.
        bits <<= 13
        bits &= np.int32(-0x70002000)
        np.multiply(bits.view(np.float32), np.float32(2.0**112), out=converted[here])
    return converted


def _check_norms(block: np.ndarray, name: str, rows: Sequence[int]) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.sqrt(np.vecdot(block, block))
        wrong = np.flatnonzero(~(np.abs(norms - 1) <= NORM_TOLERANCE))  # not >: nan is wrong, too
    if len(wrong):
        raise ValueError(
            f"{name}, row {rows[wrong[0]]}: norm {norms[wrong[0]]}; "
            f"accepted: finite descriptors of norm 1 within {NORM_TOLERANCE}"
        )


def _check_shape(part: np.ndarray, name: str, dimension: tuple[int, ...]) -> None:
    if part.dtype not in (np.float32, np.float16):
        raise ValueError(f"{name} are {part.dtype}; accepted: float32, float16")
    if part.ndim != 2 or part.shape[1] == 0 or part.shape[1:] != dimension:
        raise ValueError(f"{name} {part.shape}; accepted: a row a descriptor, as long as the queries' {dimension}")


def _checked_labelled(labelled: Sequence[np.ndarray], num_queries: int, num_database: int) -> list[np.ndarray]:
    if len(labelled) != num_queries:
        raise ValueError(f"labelled rows of {len(labelled)} queries; accepted: of {num_queries}, one list a query")
    labelled = [np.asarray(rows) if len(rows) else np.empty(0, np.int64) for rows in labelled]
    for i, rows in enumerate(labelled):
        if not np.issubdtype(rows.dtype, np.integer):
            raise ValueError(f"query {i}: labelled rows are {rows.dtype}; accepted: integers")
        outside = rows[(rows < 0) | (rows >= num_database)]
        if len(outside):
            raise ValueError(f"query {i}: labelled row {outside[0]}; accepted: 0 to {num_database - 1}")
        if len(repeated(rows)):
            raise ValueError(f"query {i}: a labelled row is there twice; accepted: each once")
    return [rows.astype(np.int64) for rows in labelled]


def repeated(rows: np.ndarray) -> np.ndarray:
    """Numbers that are there more than once; np.unique would import numpy.ma."""
    rows = np.sort(rows)
    return rows[1:][rows[1:] == rows[:-1]]
