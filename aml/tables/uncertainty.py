"""How sure the tables' mAP are: their intervals, the intervals of differences, and the daggers in the tables.

Intervals are percentile intervals (Efron and Tibshirani, An Introduction to the Bootstrap, Sec. 13.3) of the draws in
bootstrap.py. Values are percentages and points with two decimals. A difference is within noise if its interval, as
written, contains 0.
"""

from collections import namedtuple
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, groupby, product

import numpy as np

from aml.params.grid import key_of
from aml.params.reports import BootstrapSettings, TableSettings
from aml.tables.bootstrap import CHANCE, Draws, Scores, percentile_interval, recorded
from aml.tables.model import Table, by_pair, select
from aml.tables.records import mean

# Lines of intervals.csv and differences.csv. A difference is mAP of the pair's first loss minus that of its second;
# within_noise is 1 or 0.
Interval = namedtuple("Interval", "key protocol set level mAP low high")
Difference = namedtuple("Difference", "pair protocol set level first second difference low high within_noise")


def find_intervals(
    draws: Draws, records: dict[str, dict], tables: TableSettings, settings: BootstrapSettings
) -> list[Interval]:
    """Return the mean over seeds of each network's mAP in each column, with its interval."""
    networks = {network.key: network for network in tables.networks()}
    drawn = {place: values for place, values in draws.items() if place[-1] == "mAP" and place[0] != CHANCE}
    lines = []
    for (key, *column, _), interval in zip(drawn, _intervals(list(drawn.values()), settings), strict=True):
        of_seeds = [recorded(records[of_seed], column) for of_seed in networks[key].record_keys]
        lines.append(Interval(key, *column, mean(of_seeds), *interval))
    return lines


def find_differences(
    scores: Scores, draws: Draws, tables: TableSettings, settings: BootstrapSettings
) -> list[Difference]:
    """Return the difference between every two losses of a student and teacher in each column."""
    networks = tables.of_pairs(tables.losses)  # a pair's stand together
    lines = []
    for column, answers in scores.items():
        couples = [
            (key_of(student, teacher.key), *couple)
            for (student, teacher), of_pair in groupby(networks, key=lambda network: (network.name, network.teacher))
            for couple in combinations([network for network in of_pair if network.key in answers.scores], 2)
        ]
        drawn = [draws[(a.key, *column, "mAP")] - draws[(b.key, *column, "mAP")] for _, a, b in couples]
        for (pair, first, second), (low, high) in zip(couples, _intervals(drawn, settings), strict=True):
            value = _rounded(np.mean(answers.scores[first.key][:, 0] - answers.scores[second.key][:, 0]))
            line = (pair, *column, first.loss.key, second.loss.key, value, low, high)
            lines.append(Difference(*line, within_noise=int(low <= 0 <= high)))
    return lines


def marked(tables: Iterable[Table], draws: Draws, shown: TableSettings, settings: BootstrapSettings) -> list[Table]:
    """Return the tables with a dagger at each mAP within noise of its pair's best, which the caption then explains.

    The best of a pair, in bold, have none; those are the best as printed. A table without any drawn network does not
    change.
    """
    sentence = (
        f"A dagger marks mAP within noise of that best: the {settings.confidence:g} % interval of their difference, "
        f"from {settings.draws:,} draws of landmarks{' and seeds' if shown.several_seeds else ''}, contains 0."
    )

    def with_marks(table: Table) -> Table:
        behind = {}  # the best less the row, in each draw, by row key and column
        for pair, column in product(by_pair(table.rows).values(), select(table.columns, "mAP")):
            scored = [row for row in pair if row.values[column] is not None]
            best = max(scored, key=lambda row: row.values[column], default=None)
            drawn = {row.key: draws[place] for row in scored if (place := table.place(row, column)) in draws}
            if best and best.key in drawn:
                behind |= {(key, column): drawn[best.key] - of_row for key, of_row in drawn.items() if key != best.key}
        if not behind:
            return table
        ends = dict(zip(behind, _intervals(list(behind.values()), settings), strict=True))
        noise = {cell for cell, (low, high) in ends.items() if low <= 0 <= high}
        rows = (
            replace(row, marked=tuple(c for c in table.columns if (row.key, c) in noise and c not in row.bold))
            for row in table.rows
        )
        return replace(table, rows=tuple(rows), caption=f"{table.caption} {sentence}")

    return [with_marks(table) for table in tables]


def _intervals(drawn: list[np.ndarray], settings: BootstrapSettings) -> list[tuple[float, float]]:
    if not drawn:
        return []
    ends = percentile_interval(np.array(drawn), settings.confidence).T
    return [(_rounded(low), _rounded(high)) for low, high in ends]


def _rounded(value: float) -> float:
    return round(float(value), 2) + 0.0  # + 0.0: no -0.0
