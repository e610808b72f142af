"""How sure the tables' mAP are: a paired bootstrap over queries, and the daggers that it puts into the tables.

Each mAP gets an interval, and so does each difference between two losses of one student and teacher. All networks
answered the same queries, so one draw of queries serves all of them, and the interval of a difference comes from the
differences query by query: what makes a query hard for both cancels out. Intervals are percentile intervals (Efron and
Tibshirani, An Introduction to the Bootstrap, Sec. 13.3).

A column here is (protocol, <set> or <set>+<distractors>, level). The AP of a query is its mean over a network's seeds.
Values are percentages and points with two decimals, and a difference is within noise where its interval, as written,
holds 0.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np

from aml.evaluation.per_query import read_average_precisions
from aml.params.grid import key_of
from aml.params.reports import BootstrapSettings, Network, TableSettings
from aml.tables.model import LEVELS, Row, Table, by_pair

ROUNDING = 0.005 + 1e-6  # of a record's mAP, and of the queries' AP

Column = tuple[str, str, str]
Scores = dict[Column, dict[str, np.ndarray]]  # network key -> AP (Q,) in percent, of the queries with positives


@dataclass(frozen=True)
class Interval:
    """A line of intervals.csv."""

    key: str
    protocol: str
    set: str
    level: str
    mAP: float  # noqa: N815 - the field's word
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A line of differences.csv: mAP of the pair's first loss minus that of its second."""

    pair: str
    protocol: str
    set: str
    level: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    within_noise: int  # 1 or 0


def read_scores(folder: Path, records: dict[str, dict], settings: TableSettings) -> Scores:
    """Read the AP of every network of which each seed has a record and <folder>/<key>.csv.

    Raises ValueError where a file is not of its record's evaluation, or not of the queries of the files before it.
    """
    scores: Scores = {}
    queries: dict[Column, tuple[str, list[str]]] = {}  # the first file of a column, and its queries
    for network in settings.networks():
        paths = {key: folder / f"{key}.csv" for key in network.record_keys}
        if any(key not in records or not path.exists() for key, path in paths.items()):
            continue
        of_seeds: dict[Column, list[list[float]]] = {}
        for key, path in paths.items():
            found = read_average_precisions(path)
            for column in _columns(settings):
                of_query = found.get(column)
                _check_mean(records[key], path, column, of_query)
                if not of_query:
                    continue
                first, expected = queries.setdefault(column, (path.name, list(of_query)))
                if list(of_query) != expected:
                    raise ValueError(
                        f"{path} has other queries with positives than {first} in {'.'.join(column)}; accepted: the "
                        "same, in one order, since networks are compared query by query"
                    )
                of_seeds.setdefault(column, []).append(list(of_query.values()))
        for column, of_column in of_seeds.items():
            scores.setdefault(column, {})[network.key] = np.mean(of_column, axis=0)
    return scores


def find_intervals(scores: Scores, means: dict[str, dict], settings: BootstrapSettings) -> list[Interval]:
    """Return the interval of each network's mAP in each column; mAP is that of `means`, the records over seeds by
    network key."""
    lines = []
    for column, by_key in scores.items():
        found = _resampled(np.stack(list(by_key.values())), settings)
        for key, (_, low, high) in zip(by_key, found, strict=True):
            lines.append(Interval(key, *column, float(_recorded(means[key], column)), low, high))
    return lines


def find_differences(scores: Scores, tables: TableSettings, settings: BootstrapSettings) -> list[Difference]:
    """Return the difference between every two losses of a student and teacher in each column."""
    pairs: dict[str, list[Network]] = {}
    for network in tables.of_pairs(tables.losses):
        pairs.setdefault(key_of(network.name, network.teacher.key), []).append(network)
    lines = []
    for column, by_key in scores.items():
        couples = [
            (pair, first, second)
            for pair, networks in pairs.items()
            for first, second in combinations([network for network in networks if network.key in by_key], 2)
        ]
        if not couples:
            continue
        found = _resampled(np.stack([by_key[a.key] - by_key[b.key] for _, a, b in couples]), settings)
        for (pair, first, second), (value, low, high) in zip(couples, found, strict=True):
            line = (pair, *column, first.loss.key, second.loss.key, value, low, high)
            lines.append(Difference(*line, within_noise=int(low <= 0 <= high)))
    return lines


def write_lines(path: Path, kind: type, lines: Iterable) -> None:
    """Write Intervals or Differences as CSV, a column for each field."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(kind))
        for line in lines:
            writer.writerow(f"{value:.2f}" if isinstance(value, float) else value for value in vars(line).values())


def marked(
    tables: Iterable[Table], found: Iterable[Difference], test_sets: Iterable[str], settings: BootstrapSettings
) -> list[Table]:
    """Return the tables with a dagger at each mAP within noise of its pair's best, which the caption then explains.

    The best ones as printed, which are bold, have none. A table without any Difference stays as it is.
    """
    test_sets, is_noise = tuple(test_sets), {_compared(line): bool(line.within_noise) for line in found}
    sentence = (
        f"A dagger marks mAP within noise of that best: the {settings.confidence:g} % interval of their difference, "
        f"from {settings.draws:,} draws over queries, holds 0."
    )

    def with_marks(table: Table) -> Table:
        judged = {
            (row.key, column): is_noise[compared]
            for row, column, compared in _against_best(table, test_sets)
            if compared in is_noise
        }
        if not judged:
            return table
        rows = [
            replace(row, marked=frozenset(c for c in table.columns if judged.get((row.key, c)) and c not in row.bold))
            for row in table.rows
        ]
        return replace(table, rows=tuple(rows), caption=f"{table.caption} {sentence}")

    return [with_marks(table) for table in tables]


def _against_best(table: Table, test_sets: tuple[str, ...]) -> Iterator[tuple[Row, str, tuple]]:
    """Yield (row, mAP column, key of the comparison between the row and the best row of its pair). The best row gets a
    key that matches no comparison."""
    ending = f"+{table.distractors}" if table.distractors else ""
    for rows in by_pair(table.rows).values():
        for name in test_sets:
            for level in LEVELS:
                column = f"{name}_{level}_mAP"
                scored = [row for row in rows if row.values[column] is not None]
                best = max(scored, key=lambda row: row.values[column], default=None)
                for row in scored:
                    yield row, column, ((table.protocol, f"{name}{ending}", level), frozenset((row.key, best.key)))


def _compared(line: Difference) -> tuple[Column, frozenset[str]]:
    """Return the key of a comparison: its column, and the keys of the two networks."""
    keys = frozenset(key_of(line.pair, loss) for loss in (line.first, line.second))
    return (line.protocol, line.set, line.level), keys


def _columns(settings: TableSettings) -> list[Column]:
    names = [test_set.key for test_set in settings.test_sets]
    if settings.distractors:
        names += [f"{name}+{settings.distractors.key}" for name in names]
    return [(protocol, name, level) for protocol in ("symmetric", "asymmetric") for name in names for level in LEVELS]


def _resampled(scores: np.ndarray, settings: BootstrapSettings) -> list[tuple[float, float, float]]:
    """Return mean, low and high of each row of scores (N, Q), two decimals."""
    counts = draw_counts(scores.shape[1], draws=settings.draws, seed=settings.seed)
    low, high = percentile_intervals(scores, counts, confidence=settings.confidence)
    found = np.stack([scores.mean(axis=1), low, high], axis=1)
    return (found.round(2) + 0.0).tolist()  # + 0.0: no -0.0


@lru_cache(maxsize=8)
def draw_counts(num_queries: int, *, draws: int, seed: int) -> np.ndarray:
    """Return how often each query comes in each draw of num_queries with replacement: (draws, num_queries) int64.

    Equal arguments give the same, read-only array.
    """
    drawn = np.random.default_rng(seed).integers(0, num_queries, (draws, num_queries))
    drawn += num_queries * np.arange(draws)[:, None]  # bins of its own for each draw
    counts = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
    counts.flags.writeable = False
    return counts


def percentile_intervals(scores: np.ndarray, counts: np.ndarray, *, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends (N,) and (N,) of the middle `confidence` percent of the means of scores (N, Q) over counts
    (draws, Q).

    Between two draws, ends are interpolated linearly. Sums are in float32, right to six digits.
    """
    sums = scores.astype(np.float32) @ counts.T.astype(np.float32)  # (N, draws), in half of float64's time
    outside = (100 - confidence) / 2
    low, high = np.percentile(sums, [outside, 100 - outside], axis=1, overwrite_input=True) / counts.shape[1]
    return low, high


def _check_mean(record: dict, path: Path, column: Column, of_query: dict[str, float] | None) -> None:
    """Raises ValueError unless the queries' mean is the record's mAP, or there is none of either."""
    expected = _recorded(record, column)
    mean = sum(of_query.values()) / len(of_query) if of_query else None
    if (mean is None) != (expected is None) or (mean is not None and abs(mean - expected) > ROUNDING):
        shown = "no AP" if mean is None else f"AP of mean {mean:.2f}"
        raise ValueError(
            f"{path} has {shown} in {'.'.join(column)}; accepted: the record's mAP, {expected}; evaluate both again"
        )


def _recorded(record: dict, column: Column) -> float | None:
    """Return a record's mAP in percent, None where it has none."""
    protocol, name, level = column
    return record.get(protocol, {}).get(name, {}).get(level, {}).get("mAP")
