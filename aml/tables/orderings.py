"""Comparisons of two scores that the supplement's claims are made of.

Each function takes the `Scores` of the tables and yields comparisons, or returns a function that does.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from aml.tables.bootstrap import Draws
from aml.tables.model import ABLATION, METRICS, SUCCESSORS, Row, Table, select, tenths

IN_TEACHERS_SPACE = ("contr", "contr_plus", "reg")  # the others are at chance there, so their gap cannot grow
NEAR_CHANCE = 1 / 10  # share of the way from a random ranking to reg
FAR_ABOVE_CHANCE = 1 / 2  # of that way
EXCEPTION = "EfficientNet-B3 by VGG16"  # the supplement's own, in claim b
BY_LABELS = ("contr", "contr_plus")  # the two of claims i and j
CLEAR_LEAD = 5  # points of mAP; the printed tables have the other order in mP@10 up to 4.5 points apart


@dataclass(frozen=True)
class Comparison:
    """The statement that `low` is below `high`, or ties with it where `ties` allows; scores as `Scores` gives them."""

    pair: str
    what: str
    column: str
    low: np.ndarray
    high: np.ndarray
    ties: bool = False

    @property
    def known(self) -> bool:
        return not np.isnan(self.low[0] + self.high[0])

    @property
    def holds(self) -> bool:
        return bool(self.low[0] < self.high[0] or (self.ties and self.low[0] == self.high[0]))


class Scores:
    """Looks up scores: arrays of the table's number, then that of each draw, with nan for what isn't there."""

    def __init__(self, tables: Iterable[Table], draws: Draws):
        self.tables, self.draws = {table.number: table for table in tables}, draws
        self.num_draws = len(next(iter(draws.values()), ()))
        self.rows = {n: {(r.pair, r.loss): r for r in table.rows if r.teacher} for n, table in self.tables.items()}

    def __call__(self, number: int, pair: str, loss: str, column: str) -> np.ndarray:
        return self.of_row(number, self.rows.get(number, {}).get((pair, loss)), column)

    def of_row(self, number: int, row: Row | None, column: str) -> np.ndarray:
        if row is None:
            return np.full(1 + self.num_draws, np.nan)
        return self._score(number, row, column, row.values.get(column))

    def chance(self, number: int, column: str) -> np.ndarray:
        """Return what a random ranking gives; 0 if that isn't known, as for the printed tables."""
        return self._score(number, None, column, self.tables[number].chance.get(column) or 0.0)

    def better(self, numbers: tuple[int, ...], pair: str, losses: tuple[str, ...], column: str) -> np.ndarray:
        """Return the best score of these losses, each in the first of these tables that has it."""
        first = [next((n for n in numbers if (pair, loss) in self.rows.get(n, ())), 0) for loss in losses]
        return np.max([self(n, pair, loss, column) for n, loss in zip(first, losses, strict=True)], axis=0)

    def pairs(self, *numbers: int) -> list[str]:
        return list(dict.fromkeys(pair for number in numbers for pair, _ in self.rows.get(number, ())))

    def columns(self, number: int, *metrics: str) -> tuple[str, ...]:
        return select(self.tables[number].columns, *metrics) if number in self.tables else ()

    def _score(self, number: int, row: Row | None, column: str, value: float | None) -> np.ndarray:
        drawn = self.draws.get(self.tables[number].place(row, column), np.full(self.num_draws, np.nan))
        return np.concatenate([[np.nan if value is None else value], drawn])


Ordering = Callable[[Scores], Iterator[Comparison]]


def in_order(*order: tuple[str, str], number: int, ties: bool = False) -> Ordering:
    """Compare each (lower, higher) pair of losses: the second has the higher mAP in the table of this number."""
    groups = [((low,), (high,)) for low, high in order]
    return lambda scores: _in_order(scores, (number,), groups, "mAP", ties)


def best(
    *losses: str, numbers: tuple[int, ...], metric: str = "mAP", spared: tuple[str, ...] = (), exception: str = ""
) -> Ordering:
    """Compare the better of `losses` with each other loss of the tables of these numbers: it has the higher mAP.

    The spared losses and the pair that is the exception are left out. A loss that several tables have is taken from the
    first.
    """

    def comparisons(scores: Scores) -> Iterator[Comparison]:
        known = [*(ABLATION if {5, 6} & set(numbers) else ())]
        known += [other for number in numbers for _, other in scores.rows.get(number, ())]
        others = [other for other in dict.fromkeys(known) if other not in (*losses, *spared)]
        order = [((other,), losses) for other in others]
        return (c for c in _in_order(scores, numbers, order, metric, ties=True) if c.pair != exception)

    return comparisons


def precision_follows(scores: Scores) -> Iterator[Comparison]:
    """Compare losses that are CLEAR_LEAD points or more apart in mAP, in Table 7, and in 9 where distractors were
    evaluated: the same one is ahead in mP@10."""
    for number in (7, 9):
        if number not in scores.tables or (number == 9 and not scores.tables[9].distractors):
            continue
        for (pair, low), (other_pair, high) in permutations(scores.rows[number], 2):
            for column in scores.columns(number, "mAP") if pair == other_pair else ():
                if _leads(scores(number, pair, high, column), scores(number, pair, low, column)):
                    precision = column.replace("mAP", "mP@10")
                    both = [scores(number, pair, loss, precision) for loss in (low, high)]
                    yield Comparison(pair, f"Table {number}, {low} and {high}", precision, *both)


def falls_with_distractors(scores: Scores) -> Iterator[Comparison]:
    """Compare every score of Tables 7 and 8 with Tables 9 and 10, where it is lower unless it was zero."""
    for before, after in ((7, 9), (8, 10)):
        later = {row.identity: row for row in (scores.tables[after].rows if after in scores.tables else ())}
        for row in scores.tables[before].rows if before in scores.tables else ():
            if before == 8 and not row.teacher:
                continue  # repeats Table 7
            twin = later.get(row.identity)
            for column in scores.columns(before, *METRICS):
                low, high = scores.of_row(after, twin, column), scores.of_row(before, row, column)
                yield Comparison(row.pair, f"Table {after}, {row.loss}", column, low, high, ties=high[0] == 0)


def beats_its_teacher(losses: tuple[str, ...], *, number: int, metrics: tuple[str, ...] = METRICS) -> Ordering:
    """Compare the better of these losses with the teacher in the last pair, the supplement's largest student by its
    largest teacher: it is ahead in all columns of these metrics."""

    def comparisons(scores: Scores) -> Iterator[Comparison]:
        for last in list(scores.rows.get(number, {}).values())[-1:]:
            table = scores.tables[number]
            teacher = {row.student: row for row in table.rows if not row.teacher}.get(last.teacher)
            for column in scores.columns(number, *metrics):
                low = scores.of_row(number, teacher, column)
                high = scores.better((number,), last.pair, losses, column)
                yield Comparison(last.pair, f"teacher and {_named(losses)}", column, low, high)

    return comparisons


def gap_grows(scores: Scores) -> Iterator[Comparison]:
    """Compare symmetric less asymmetric mAP with and without distractors: it is larger with them."""
    for pair in scores.pairs(7, 8, 9, 10):
        for loss in IN_TEACHERS_SPACE:
            for column in scores.columns(7, "mAP"):
                found = [scores(number, pair, loss, column) for number in (7, 8, 9, 10)]
                # rounded, so that equal gaps are equal in binary too
                low, high = np.round(found[0] - found[1], 4), np.round(found[2] - found[3], 4)
                yield Comparison(pair, f"gap of {loss}", column, low, high)


def near_chance(scores: Scores) -> Iterator[Comparison]:
    """Compare rkd and dr in Table 8: each comes less than NEAR_CHANCE of the way from a random ranking to reg in
    mAP."""
    for pair in scores.pairs(8):
        for loss in ("rkd", "dr"):
            for column in scores.columns(8, "mAP"):
                bound = _towards_reg(scores, 8, pair, column, NEAR_CHANCE)
                yield Comparison(pair, loss, column, scores(8, pair, loss, column), bound)


def far_above_chance(scores: Scores) -> Iterator[Comparison]:
    """Compare each successor in Table 12: it comes FAR_ABOVE_CHANCE or more of the way from a random ranking to reg
    in mAP."""
    for pair, loss in scores.rows.get(12, ()):
        for column in scores.columns(12, "mAP") if loss in SUCCESSORS else ():
            bound = _towards_reg(scores, 12, pair, column, FAR_ABOVE_CHANCE)
            yield Comparison(pair, loss, column, bound, scores(12, pair, loss, column), ties=True)


def _towards_reg(scores: Scores, number: int, pair: str, column: str, share: float) -> np.ndarray:
    """Return the score so far on the way from a random ranking to reg."""
    chance = scores.chance(number, column)
    return chance + share * (scores(number, pair, "reg", column) - chance)


def _in_order(scores: Scores, numbers, order, metric: str, ties: bool) -> Iterator[Comparison]:
    columns = next((scores.columns(number, metric) for number in numbers if number in scores.tables), ())
    for pair in scores.pairs(*numbers):
        for column in columns:
            for groups in order:
                low, high = (scores.better(numbers, pair, losses, column) for losses in groups)
                yield Comparison(pair, " and ".join(map(_named, groups)), column, low, high, ties)


def _named(losses: tuple[str, ...]) -> str:
    return losses[0] if len(losses) == 1 else f"the better of {' and '.join(losses)}"


def _leads(high: np.ndarray, low: np.ndarray) -> bool:
    """Return whether `high` is CLEAR_LEAD above `low`. If one is missing it is True, so that the pair, which then
    has an unknown score, is left out."""
    return np.isnan(high[0] - low[0]) or tenths(high[0]) - tenths(low[0]) >= CLEAR_LEAD
