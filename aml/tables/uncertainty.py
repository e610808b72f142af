"""How sure the tables' mAP are: a bootstrap over queries gives each an interval, and each difference between two losses
of one student and teacher. Torch-free.

A cell is a column of a table under one protocol: (protocol, set or <set>+<distractors>, level). The AP of a query is
its mean over a network's seeds. Values are percentages and points with two decimals, and a difference is within noise
where its interval, as written, holds 0.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path

import numpy as np

from aml.evaluation.bootstrap import draw_counts, percentile_intervals
from aml.evaluation.per_query import read_average_precisions
from aml.params.reports import BootstrapSettings, Network, TableSettings
from aml.tables.model import LEVELS

ROUNDING = 0.005 + 1e-6  # of a record's mAP, and of the queries' AP

Cell = tuple[str, str, str]
Scores = dict[Cell, dict[str, np.ndarray]]  # network key -> AP (Q,) in percent, of the queries with positives


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

    @property
    def place(self) -> tuple[Cell, frozenset[str]]:
        """The cell, and the keys of the two networks."""
        keys = frozenset(f"{self.pair}-{loss}" for loss in (self.first, self.second))
        return (self.protocol, self.set, self.level), keys


def read_scores(folder: Path, records: dict[str, dict], settings: TableSettings) -> Scores:
    """The AP of every network of which each seed has a record and <folder>/<key>.csv, in the cells of the tables.

    Raises ValueError where a file is not of its record's evaluation, or not of the queries of the files before it.
    """
    scores: Scores = {}
    queries: dict[Cell, tuple[str, list[str]]] = {}  # the first file of a cell, and its queries
    for network in settings.networks():
        paths = {key: folder / f"{key}.csv" for key in network.record_keys}
        if any(key not in records or not path.exists() for key, path in paths.items()):
            continue
        of_seeds: dict[Cell, list[list[float]]] = {}
        for key, path in paths.items():
            found = read_average_precisions(path)
            for cell in _cells(settings):
                of_query = found.get(cell)
                _check_mean(records[key], path, cell, of_query)
                if not of_query:
                    continue
                first, expected = queries.setdefault(cell, (path.name, list(of_query)))
                if list(of_query) != expected:
                    raise ValueError(
                        f"{path} has other queries with positives than {first} in {'.'.join(cell)}; accepted: the "
                        "same, in one order, since networks are compared query by query"
                    )
                of_seeds.setdefault(cell, []).append(list(of_query.values()))
        for cell, of_cell in of_seeds.items():
            scores.setdefault(cell, {})[network.key] = np.mean(of_cell, axis=0)
    return scores


def find_intervals(scores: Scores, means: dict[str, dict], settings: BootstrapSettings) -> list[Interval]:
    """Cell by cell, in them network by network; mAP is that of `means`, the records over seeds by network key."""
    lines = []
    for cell, by_key in scores.items():
        found = _resampled(np.stack(list(by_key.values())), settings)
        for key, (_, low, high) in zip(by_key, found, strict=True):
            lines.append(Interval(key, *cell, float(_recorded(means[key], cell)), low, high))
    return lines


def find_differences(scores: Scores, tables: TableSettings, settings: BootstrapSettings) -> list[Difference]:
    """Cell by cell, in them pair by pair, every two losses that have scores."""
    pairs: dict[str, list[Network]] = {}
    for network in tables.of_pairs(tables.losses):
        pairs.setdefault(f"{network.name}-{network.teacher.key}", []).append(network)
    lines = []
    for cell, by_key in scores.items():
        couples = [
            (pair, first, second)
            for pair, networks in pairs.items()
            for first, second in combinations([network for network in networks if network.key in by_key], 2)
        ]
        if not couples:
            continue
        found = _resampled(np.stack([by_key[a.key] - by_key[b.key] for _, a, b in couples]), settings)
        for (pair, first, second), (value, low, high) in zip(couples, found, strict=True):
            line = (pair, *cell, first.loss.key, second.loss.key, value, low, high)
            lines.append(Difference(*line, within_noise=int(low <= 0 <= high)))
    return lines


def read_differences(path: Path) -> list[Difference]:
    """What `write_lines` wrote of Differences."""
    kinds = {field.name: field.type for field in fields(Difference)}
    with open(path, newline="", encoding="utf-8") as file:
        return [
            Difference(**{name: kinds[name](value) for name, value in line.items()}) for line in csv.DictReader(file)
        ]


def write_lines(path: Path, kind: type, lines: Iterable) -> None:
    """CSV of Intervals or Differences, a column a field."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(kind))
        for line in lines:
            writer.writerow(f"{value:.2f}" if isinstance(value, float) else value for value in vars(line).values())


def _cells(settings: TableSettings) -> list[Cell]:
    names = [test_set.key for test_set in settings.test_sets]
    if settings.distractors:
        names += [f"{name}+{settings.distractors.key}" for name in names]
    return [(protocol, name, level) for protocol in ("symmetric", "asymmetric") for name in names for level in LEVELS]


def _resampled(scores: np.ndarray, settings: BootstrapSettings) -> list[tuple[float, float, float]]:
    """Mean, low and high of each row of scores (N, Q), two decimals."""
    counts = draw_counts(scores.shape[1], draws=settings.draws, seed=settings.seed)
    low, high = percentile_intervals(scores, counts, confidence=settings.confidence)
    found = np.stack([scores.mean(axis=1), low, high], axis=1)
    return (found.round(2) + 0.0).tolist()  # + 0.0: no -0.0


def _check_mean(record: dict, path: Path, cell: Cell, of_query: dict[str, float] | None) -> None:
    """Raises ValueError unless the queries' mean is the record's mAP, or there is none of either."""
    expected = _recorded(record, cell)
    mean = sum(of_query.values()) / len(of_query) if of_query else None
    if (mean is None) != (expected is None) or (mean is not None and abs(mean - expected) > ROUNDING):
        shown = "no AP" if mean is None else f"AP of mean {mean:.2f}"
        raise ValueError(
            f"{path} has {shown} in {'.'.join(cell)}; accepted: the record's mAP, {expected}; evaluate both again"
        )


def _recorded(record: dict, cell: Cell) -> float | None:
    """A record's mAP in percent, None where it has none."""
    protocol, name, level = cell
    return record.get(protocol, {}).get(name, {}).get(level, {}).get("mAP")
