"""Comparisons of two scores that the supplement's claims are made of.

Each function takes Tables 5 to 10 by number and yields comparisons, or returns a function that does. A row that several
tables hold is taken from the first.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations

from aml.tables.model import ABLATION, Row, Table, by_pair, select, tenths

IN_TEACHERS_SPACE = ("contr", "contr_plus", "reg")  # the others are at chance there, so their gap cannot grow
NEAR_CHANCE = 1 / 3  # of reg's mAP, since the tables don't say what a random ranking gets
EXCEPTION = "EfficientNet-B3 by VGG16"  # the supplement's own, in claim b
BY_LABELS = ("contr", "contr_plus")  # the two of claims i and j
CLEAR_LEAD = 5  # points of mAP; the printed tables have the other order in mP@10 up to 4.5 points apart

Tables = dict[int, Table]
Rows = dict[tuple[str, str], Row]  # by pair and loss


@dataclass(frozen=True)
class Comparison:
    """The statement that `low` is below `high`, or ties with it where `ties` allows; None where a score is missing."""

    pair: str
    what: str
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
        return f"{self.what}: {self.low:.4g} against {self.high:.4g}"


Ordering = Callable[[Tables], Iterator[Comparison]]


def in_order(*order: tuple[str, str], number: int, ties: bool = False) -> Ordering:
    """Of each (lower, higher) pair of losses the second has the higher mAP in the table of this number."""
    return lambda tables: _in_order(tables, (number,), order, "mAP", ties)


def worst(loss: str, *, number: int) -> Ordering:
    """No loss of the ablation is below `loss` in mAP."""
    return in_order(*((loss, other) for other in ABLATION if other != loss), number=number, ties=True)


def best(
    loss: str, *, numbers: tuple[int, ...], metric: str = "mAP", spared: tuple[str, ...] = (), exception: str = ""
) -> Ordering:
    """No loss of the tables of these numbers but the spared ones beats `loss`, in any pair but the exception."""

    def comparisons(tables: Tables) -> Iterator[Comparison]:
        rows = [row.loss for number in numbers if number in tables for row in tables[number].rows if row.teacher]
        expected = ABLATION if {5, 6} & set(numbers) else ()
        others = [other for other in dict.fromkeys((*expected, *rows)) if other not in (loss, *spared)]
        order = [(other, loss) for other in others]
        return (c for c in _in_order(tables, numbers, order, metric, ties=True) if c.pair != exception)

    return comparisons


def best_among_distractors(tables: Tables) -> Iterator[Comparison]:
    """No loss of Table 9 beats the better of contr and contr_plus."""
    rows = _rows(tables, 9)
    for pair, of_pair in by_pair(rows.values()).items():
        for column in select(tables[9].columns, "mAP"):
            for other in (row for row in of_pair if row.loss not in BY_LABELS):
                what = f"{column}, {other.loss} and {_named(BY_LABELS)}"
                yield Comparison(pair, what, other.values[column], _better(rows, pair, BY_LABELS, column), ties=True)


def precision_follows(tables: Tables) -> Iterator[Comparison]:
    """In Table 7, and in 9 where distractors were evaluated: of two losses CLEAR_LEAD points or more apart in mAP, the
    same one is ahead in mP@10."""
    for table in (tables[number] for number in (7, 9) if number in tables):
        if table.number == 9 and not table.distractors:
            continue
        for pair, of_pair in by_pair(table.rows).items():
            for column in select(table.columns, "mAP"):
                precision = column.replace("mAP", "mP@10")
                for low, high in permutations(of_pair, 2):
                    if _leads(high.values[column], low.values[column]):
                        what = f"Table {table.number}, {precision}, {low.loss} and {high.loss}"
                        yield Comparison(pair, what, low.values[precision], high.values[precision])


def falls_with_distractors(tables: Tables) -> Iterator[Comparison]:
    """Every score of Tables 7 and 8 is lower in Tables 9 and 10, or was zero."""
    for without, with_distractors in ((7, 9), (8, 10)):
        other = tables.get(with_distractors)
        after = {(row.pair, row.loss): row for row in (other.rows if other else ())}
        for row in tables[without].rows if without in tables else ():
            if without == 8 and not row.teacher:
                continue  # repeats Table 7
            for column in tables[without].columns:
                low, high = _score(after, row.pair, row.loss, column), row.values[column]
                what = f"Table {with_distractors}, {row.loss}, {column}"
                yield Comparison(row.pair, what, low, high, ties=high == 0)


def beats_its_teacher(losses: tuple[str, ...], *, number: int, ending: str = "") -> Ordering:
    """In the last pair, the supplement's largest student by its largest teacher, the better of these losses beats the
    teacher in all columns with this ending."""

    def comparisons(tables: Tables) -> Iterator[Comparison]:
        rows = _rows(tables, number)
        for last in list(rows.values())[-1:]:
            teacher = {row.student: row for row in tables[number].rows if not row.teacher}.get(last.teacher)
            for column in (column for column in tables[number].columns if column.endswith(ending)):
                what = f"{column}, teacher and {_named(losses)}"
                score = teacher and teacher.values[column]
                yield Comparison(last.pair, what, score, _better(rows, last.pair, losses, column))

    return comparisons


def gap_grows(tables: Tables) -> Iterator[Comparison]:
    """Symmetric less asymmetric mAP is larger with distractors than without."""
    by_number = {number: _rows(tables, number) for number in (7, 8, 9, 10)}
    for pair in dict.fromkeys(pair for pair, _ in by_number[7]):
        for loss in IN_TEACHERS_SPACE:
            for column in select(tables[7].columns, "mAP"):
                scores = [_score(rows, pair, loss, column) for rows in by_number.values()]
                low = high = None
                if None not in scores:
                    # rounded, so that equal gaps are equal in binary too
                    low, high = round(scores[0] - scores[1], 4), round(scores[2] - scores[3], 4)
                yield Comparison(pair, f"gap of {loss}, {column}", low, high)


def near_chance(tables: Tables) -> Iterator[Comparison]:
    """rkd and dr are under NEAR_CHANCE of reg's mAP in Table 8."""
    rows = _rows(tables, 8)
    for pair in dict.fromkeys(pair for pair, _ in rows):
        for loss in ("rkd", "dr"):
            for column in select(tables[8].columns, "mAP"):
                reg = _score(rows, pair, "reg", column)
                bound = None if reg is None else NEAR_CHANCE * reg
                yield Comparison(pair, f"{loss}, {column}", _score(rows, pair, loss, column), bound)


def _in_order(tables: Tables, numbers, order, metric: str, ties: bool) -> Iterator[Comparison]:
    rows: Rows = {}
    for number in reversed(numbers):
        rows |= _rows(tables, number)
    columns = next((select(tables[number].columns, metric) for number in numbers if number in tables), ())
    for pair in dict.fromkeys(pair for pair, _ in rows):
        for column in columns:
            for lower, higher in order:
                low, high = _score(rows, pair, lower, column), _score(rows, pair, higher, column)
                yield Comparison(pair, f"{column}, {lower} and {higher}", low, high, ties)


def _named(losses: tuple[str, ...]) -> str:
    return losses[0] if len(losses) == 1 else f"the better of {' and '.join(losses)}"


def _better(rows: Rows, pair: str, losses: tuple[str, ...], column: str) -> float | None:
    """Return the best score of these losses, None unless all have one."""
    scores = [_score(rows, pair, loss, column) for loss in losses]
    return None if None in scores else max(scores)


def _leads(high: float | None, low: float | None) -> bool:
    """Return whether `high` is CLEAR_LEAD above `low`. Where one is missing it is True, so that the pair, in which a
    score then is unknown, is left out."""
    return None in (high, low) or tenths(high) - tenths(low) >= CLEAR_LEAD


def _rows(tables: Tables, number: int) -> Rows:
    """Return a table's rows with a teacher by pair and loss."""
    return {(row.pair, row.loss): row for row in tables[number].rows if row.teacher} if number in tables else {}


def _score(rows: Rows, pair: str, loss: str, column: str) -> float | None:
    row = rows.get((pair, loss))
    return row and row.values.get(column)
