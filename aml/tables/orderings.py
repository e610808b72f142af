"""Pairs of scores that a claim of the supplement sets in order, from Tables 5-10 by number. Torch-free."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations

from aml.tables.model import ABLATION, Row, Table, by_pair, select, tenths

IN_TEACHERS_SPACE = ("contr", "contr_plus", "reg")  # at chance, where the others are, no gap can grow
NEAR_CHANCE = 1 / 3  # of reg's mAP, since the tables don't say what a random ranking gets
EXCEPTION = "EfficientNet-B3 by VGG16"  # the supplement's own, in claim b

BY_LABELS = ("contr", "contr_plus")  # the two of claims i and j
CLEAR_LEAD = 5  # points of mAP; the printed tables have the other order in mP@10 up to 4.5 points apart

Tables = dict[int, Table]
Rows = dict[tuple[str, str], Row]  # by pair and loss


@dataclass(frozen=True)
class Comparison:
    """`low` is below `high`, or ties with it where `ties` allows; None where a cell is missing."""

    pair: str
    place: str
    low: float | None
    high: float | None
    ties: bool = False

    @property
    def known(self) -> bool:
        return self.low is not None and self.high is not None

    @property
    def holds(self) -> bool:
        return self.low < self.high or (self.ties and self.low == self.high)

    def __str__(self) -> str:
        return f"{self.place}: {self.low:.4g} against {self.high:.4g}"


def positives_alone_are_worst(tables: Tables) -> Iterator[Comparison]:
    others = [loss for loss in ABLATION if loss != "contr_pos"]
    return _ordered(tables, [5], [("contr_pos", other) for other in others], "mAP", ties=True)


def positives_alone_improved_by(loss: str) -> Callable[[Tables], Iterator[Comparison]]:
    return lambda tables: _ordered(tables, [5], [("contr_pos", loss)], "mAP")


def best_symmetric(tables: Tables) -> Iterator[Comparison]:
    order = [(other, "contr_plus") for other in ABLATION if other != "contr_plus"]
    return (c for c in _ordered(tables, [5], order, "mAP", ties=True) if c.pair != EXCEPTION)


def best_asymmetric(
    loss: str, metric: str, spared: tuple[str, ...] = (), numbers: tuple[int, ...] = (6, 8)
) -> Callable[[Tables], Iterator[Comparison]]:
    """No loss of the tables of these numbers but the spared ones beats `loss`."""

    def comparisons(tables: Tables) -> Iterator[Comparison]:
        rows = [row.loss for number in numbers if number in tables for row in tables[number].rows if row.teacher]
        expected = ABLATION if 6 in numbers else ()
        others = [other for other in dict.fromkeys((*expected, *rows)) if other not in (loss, *spared)]
        return _ordered(tables, numbers, [(other, loss) for other in others], metric, ties=True)

    return comparisons


def best_among_distractors(tables: Tables) -> Iterator[Comparison]:
    """No loss of Table 9 beats the better of contr and contr_plus."""
    rows = _rows(tables, 9)
    for pair, of_pair in by_pair(rows.values()).items():
        for column in select(tables[9].columns, "mAP"):
            for other in (row for row in of_pair if row.loss not in BY_LABELS):
                high = _better(rows, pair, column)
                place = f"{column}, {other.loss} and the better of {' and '.join(BY_LABELS)}"
                yield Comparison(pair, place, other.values[column], high, ties=True)


def precision_follows(tables: Tables) -> Iterator[Comparison]:
    """Table 7, and 9 where distractors were evaluated: of two losses CLEAR_LEAD points or more apart in mAP, the same
    one is ahead in mP@10."""
    for table in (tables[number] for number in (7, 9) if number in tables):
        if table.number == 9 and not table.distractors:
            continue
        for pair, of_pair in by_pair(table.rows).items():
            for column in select(table.columns, "mAP"):
                precision = column.replace("mAP", "mP@10")
                for low, high in permutations(of_pair, 2):
                    if _leads(high.values[column], low.values[column]):
                        place = f"Table {table.number}, {precision}, {low.loss} and {high.loss}"
                        yield Comparison(pair, place, low.values[precision], high.values[precision])


def improved_by_self(tables: Tables) -> Iterator[Comparison]:
    return _ordered(tables, [6], [("contr", "contr_plus"), ("contr_pos", "contr_pos_self")], "mAP")


def _ordered(tables: Tables, numbers, order, metric: str, ties: bool = False) -> Iterator[Comparison]:
    """Each pair's (lower, higher) losses of `order`, in every column of the metric.

    A row that several tables hold is taken from the first.
    """
    rows: Rows = {}
    for number in reversed(numbers):
        rows |= _rows(tables, number)
    columns = next((select(tables[number].columns, metric) for number in numbers if number in tables), ())
    for pair in dict.fromkeys(pair for pair, _ in rows):
        for column in columns:
            for lower, higher in order:
                low, high = _cell(rows, pair, lower, column), _cell(rows, pair, higher, column)
                yield Comparison(pair, f"{column}, {lower} and {higher}", low, high, ties)


def falls_with_distractors(tables: Tables) -> Iterator[Comparison]:
    for without, with_distractors in ((7, 9), (8, 10)):
        after = (
            {(row.pair, row.loss): row for row in tables[with_distractors].rows} if with_distractors in tables else {}
        )
        for row in tables[without].rows if without in tables else ():
            if without == 8 and not row.teacher:
                continue  # repeats Table 7
            for column in tables[without].columns:
                low, high = _cell(after, row.pair, row.loss, column), row.values[column]
                place = f"Table {with_distractors}, {row.loss}, {column}"
                yield Comparison(row.pair, place, low, high, ties=high == 0)


def beats_its_teacher(tables: Tables) -> Iterator[Comparison]:
    """The last pair by contr_plus, in every column of Table 7."""
    for pair, column, rows, teacher in _last_pair(tables, 7):
        yield Comparison(pair, f"{column}, teacher and contr_plus", teacher, _cell(rows, pair, "contr_plus", column))


def beats_its_teacher_among_distractors(tables: Tables) -> Iterator[Comparison]:
    """The last pair by the better of contr and contr_plus, in mAP of Table 9."""
    for pair, column, rows, teacher in _last_pair(tables, 9):
        if column.endswith("mAP"):
            place = f"{column}, teacher and the better of {' and '.join(BY_LABELS)}"
            yield Comparison(pair, place, teacher, _better(rows, pair, column))


def _last_pair(tables: Tables, number: int) -> Iterator[tuple[str, str, Rows, float | None]]:
    """The last pair, in the supplement its largest student by its largest teacher; a column; the table's rows; and the
    teacher's own score there."""
    rows = _rows(tables, number)
    if not rows:
        return
    last = list(rows.values())[-1]
    teachers = {row.student: row for row in tables[number].rows if not row.teacher}
    teacher = teachers.get(last.teacher)
    for column in tables[number].columns:
        yield last.pair, column, rows, teacher and teacher.values[column]


def gap_grows(tables: Tables) -> Iterator[Comparison]:
    by_number = {number: _rows(tables, number) for number in (7, 8, 9, 10)}
    for pair in dict.fromkeys(pair for pair, _ in by_number[7]):
        for loss in IN_TEACHERS_SPACE:
            for column in select(tables[7].columns, "mAP"):
                cells = [_cell(rows, pair, loss, column) for rows in by_number.values()]
                low = high = None
                if None not in cells:
                    # rounded, so that equal gaps are equal in binary too
                    low, high = round(cells[0] - cells[1], 4), round(cells[2] - cells[3], 4)
                yield Comparison(pair, f"gap of {loss}, {column}", low, high)


def near_chance(tables: Tables) -> Iterator[Comparison]:
    rows = _rows(tables, 8)
    for pair in dict.fromkeys(pair for pair, _ in rows):
        for loss in ("rkd", "dr"):
            for column in select(tables[8].columns, "mAP"):
                reg = _cell(rows, pair, "reg", column)
                bound = None if reg is None else NEAR_CHANCE * reg
                yield Comparison(pair, f"{loss}, {column}", _cell(rows, pair, loss, column), bound)


def _better(rows: Rows, pair: str, column: str) -> float | None:
    """The better of contr and contr_plus, None unless both are there."""
    cells = [_cell(rows, pair, loss, column) for loss in BY_LABELS]
    return None if None in cells else max(cells)


def _leads(high: float | None, low: float | None) -> bool:
    """Whether `high` is CLEAR_LEAD above `low`; also where that can't be said, so that the pair is left out."""
    return None in (high, low) or tenths(high) - tenths(low) >= CLEAR_LEAD


def _rows(tables: Tables, number: int) -> Rows:
    """A table's rows with a teacher by pair and loss."""
    return {(row.pair, row.loss): row for row in tables[number].rows if row.teacher} if number in tables else {}


def _cell(rows: Rows, pair: str, loss: str, column: str) -> float | None:
    row = rows.get((pair, loss))
    return row and row.values.get(column)
