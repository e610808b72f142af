"""Which cells of the tables moved from one state of a repository to another. Torch-free."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from aml.tables.model import Row, Table, tenths

HEADER = ("table", "row", "column", "before", "after", "moved")
DASH = "–"


@dataclass(frozen=True)
class Move:
    """A cell that both states have; None where it is a dash."""

    table: int
    row: str
    column: str
    before: Decimal | None
    after: Decimal | None

    @property
    def distance(self) -> Decimal | None:
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def fields(self) -> tuple[str, ...]:
        """Under HEADER."""
        scores = (DASH if score is None else str(score) for score in (self.before, self.after))
        moved = DASH if self.distance is None else f"{self.distance:+}"
        return (str(self.table), self.row, self.column, *scores, moved)


@dataclass(frozen=True)
class Movement:
    """`moves`: the cells that moved by more than the threshold, or became a number or a dash; `num_cells`: the cells
    of both. new, gone: rows and columns that only the later or the earlier state has, in words."""

    moves: list[Move]
    num_cells: int
    new: list[str]
    gone: list[str]


def movement(before: Iterable[Table], after: Iterable[Table], threshold: float) -> Movement:
    """`threshold`: in points of percent."""
    earlier, later = _rows(before), _rows(after)
    cells = [
        Move(table, _words(row), column, _score(twin, column), _score(row, column))
        for (table, _), row in later.items()
        for twin in [earlier.get((table, row.identity))]
        for column in (row.values if twin else ())
        if column in twin.values
    ]
    return Movement(
        [cell for cell in cells if _is_move(cell, threshold)],
        len(cells),
        _missing(later, earlier),
        _missing(earlier, later),
    )


def as_text(moves: Iterable[Move]) -> str:
    """Aligned columns, scores to the right."""
    lines = [HEADER, *(move.fields for move in moves)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligns = "<<<>>>"
    return "\n".join(
        "  ".join(f"{field:{align}{width}}" for field, align, width in zip(line, aligns, widths, strict=True)).rstrip()
        for line in lines
    )


def as_markdown(moves: Iterable[Move]) -> str:
    lines = [HEADER, ("---", "---", "---", "---:", "---:", "---:"), *(move.fields for move in moves)]
    return "\n".join(f"| {' | '.join(field.replace('|', chr(92) + '|') for field in line)} |" for line in lines)


def _rows(tables: Iterable[Table]) -> dict[tuple[int, tuple], Row]:
    return {(table.number, row.identity): row for table in tables for row in table.rows}


def _words(row: Row) -> str:
    return f"{row.pair}, {row.loss}" if row.teacher else row.pair


def _score(row: Row, column: str) -> Decimal | None:
    value = row.values[column]
    return None if value is None else tenths(value)


def _is_move(cell: Move, threshold: float) -> bool:
    if cell.distance is None:
        return cell.before != cell.after
    return abs(cell.distance) > Decimal(str(threshold))


def _missing(rows: dict, others: dict) -> list[str]:
    """The rows that `others` lacks, and of those that it has, the columns, each once a table."""
    found = []
    for (table, identity), row in rows.items():
        twin = others.get((table, identity))
        if twin is None:
            found.append(f"Table {table}, {_words(row)}")
        else:
            found += [f"Table {table}, column {column}" for column in row.values if column not in twin.values]
    return list(dict.fromkeys(found))
