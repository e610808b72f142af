"""Pairs of scores that a claim of the supplement sets in order, from Tables 5-10 by number. Torch-free."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aml.reports.layout import ABLATION, Row, Table, select

IN_TEACHERS_SPACE = ("contr", "contr_plus", "reg")  # at chance, where the others are, no gap can grow
NEAR_CHANCE = 1 / 3  # of reg's mAP, since the tables don't say what a random ranking gets
EXCEPTION = "EfficientNet-B3 by VGG16"  # the supplement's own, in claim b

Tables = dict[int, Table]


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


def best_asymmetric(loss: str, metric: str, spared: tuple[str, ...] = ()) -> Callable[[Tables], Iterator[Comparison]]:
    """No loss of Tables 6 and 8 but the spared ones beats `loss`."""

    def comparisons(tables: Tables) -> Iterator[Comparison]:
        rows = [row.loss for number in (6, 8) if number in tables for row in tables[number].rows if row.teacher]
        others = [other for other in dict.fromkeys((*ABLATION, *rows)) if other not in (loss, *spared)]
        return _ordered(tables, [6, 8], [(other, loss) for other in others], metric, ties=True)

    return comparisons


def improved_by_self(tables: Tables) -> Iterator[Comparison]:
    return _ordered(tables, [6], [("contr", "contr_plus"), ("contr_pos", "contr_pos_self")], "mAP")


def _ordered(tables: Tables, numbers, order, metric: str, ties: bool = False) -> Iterator[Comparison]:
    """Each pair's (lower, higher) losses of `order`, in every column of the metric.

    A row that several tables hold is taken from the first.
    """
    rows: dict[tuple[str, str], Row] = {}
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
    """The last pair, which in the supplement is its largest student by its largest teacher."""
    rows = list(_rows(tables, 7).values())
    if not rows:
        return
    last = rows[-1]
    teachers = {row.student: row for row in tables[7].rows if not row.teacher}
    student = _rows(tables, 7).get((last.pair, "contr_plus"))
    teacher = teachers.get(last.teacher)
    for column in tables[7].columns:
        low, high = teacher and teacher.values[column], student and student.values[column]
        yield Comparison(last.pair, f"{column}, teacher and contr_plus", low, high)


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


def _rows(tables: Tables, number: int) -> dict[tuple[str, str], Row]:
    """A table's rows with a teacher by pair and loss."""
    return {(row.pair, row.loss): row for row in tables[number].rows if row.teacher} if number in tables else {}


def _cell(rows: dict[tuple[str, str], Row], pair: str, loss: str, column: str) -> float | None:
    row = rows.get((pair, loss))
    return row and row.values.get(column)
