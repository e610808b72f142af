"""Which mAP of a table are within noise of their pair's best, for people to see. Torch-free."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from aml.params.reports import BootstrapSettings
from aml.tables.model import LEVELS, Row, Table, by_pair
from aml.tables.uncertainty import Difference


def marked(
    tables: Iterable[Table], found: Iterable[Difference], test_sets: Iterable[str], settings: BootstrapSettings
) -> list[Table]:
    """The tables with a mark at each mAP that is within noise of its pair's best, and what it means in the caption.

    Bold ones, the best as printed, have none. A table of which nothing was resampled stays as it is.
    """
    test_sets, is_noise = tuple(test_sets), {line.place: bool(line.within_noise) for line in found}
    sentence = (
        f"A dagger marks mAP within noise of that best: the {settings.confidence:g} % interval of their difference, "
        f"from {settings.draws:,} draws over queries, holds 0."
    )

    def with_marks(table: Table) -> Table:
        judged = {
            (row.key, column): is_noise[place]
            for row, column, place in _against_best(table, test_sets)
            if place in is_noise
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
    """Row, mAP column, and the `Difference.place` of the row and its pair's best; for the best itself, nobody's."""
    ending = f"+{table.distractors}" if table.distractors else ""
    for rows in by_pair(table.rows).values():
        for name in test_sets:
            for level in LEVELS:
                column = f"{name}_{level}_mAP"
                scored = [row for row in rows if row.values[column] is not None]
                best = max(scored, key=lambda row: row.values[column], default=None)
                for row in scored:
                    yield row, column, ((table.protocol, f"{name}{ending}", level), frozenset((row.key, best.key)))
