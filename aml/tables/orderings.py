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
    """The statement that `low` is below `high` in each column, or ties with it where `ties` allows.

    low, high: (columns, 1 + draws), scores as `Scores` gives them; ties: (columns,) or one for all.
    """

    pair: str
    low: np.ndarray
    high: np.ndarray
    ties: bool | np.ndarray = False

    @property
    def known(self) -> bool:
        return not np.isnan(self.low[:, 0] + self.high[:, 0]).any()

    @property
    def holds(self) -> np.ndarray:
        """Whether it holds in each column, (columns,) bool."""
        low, high = self.low[:, 0], self.high[:, 0]
        return (low < high) | (self.ties & (low == high))


class Scores:
    """Looks up scores by column: the table's number, then that of each draw, (columns, 1 + draws), with nan for what
    isn't there."""

    def __init__(self, tables: Iterable[Table], draws: Draws):
        self.tables, self.draws = {table.number: table for table in tables}, draws
        self.num_draws = len(next(iter(draws.values()), ()))
        self.rows = {n: {(r.pair, r.loss): r for r in table.rows if r.teacher} for n, table in self.tables.items()}

    def __call__(self, number: int, pair: str, loss: str, metric: str = "mAP") -> np.ndarray:
        return self.of_row(number, self.rows.get(number, {}).get((pair, loss)), metric)

    def of_row(self, number: int, row: Row | None, metric: str) -> np.ndarray:
        return self._scores(number, row, metric, row.values if row else {})

    def chance(self, number: int) -> np.ndarray:
        """Return the mAP of a random ranking; 0 if that isn't known, as for the printed tables."""
        table = self.tables[number]
        return self._scores(number, None, "mAP", {column: table.chance.get(column) or 0.0 for column in table.columns})

    def better(self, numbers: tuple[int, ...], pair: str, losses: tuple[str, ...], metric: str) -> np.ndarray:
        """Return the best score of these losses, each in the first of these tables that has it."""
        tables = {loss: n for n in reversed(numbers) for loss in losses if (pair, loss) in self.rows.get(n, ())}
        return np.max([self(tables.get(loss, 0), pair, loss, metric) for loss in losses], axis=0)

    def pairs(self, *numbers: int) -> list[str]:
        return list(dict.fromkeys(pair for number in numbers for pair, _ in self.rows.get(number, ())))

    def _scores(self, number: int, row: Row | None, metric: str, values: dict[str, float | None]) -> np.ndarray:
        """Return `values` by column with the draws of a row, of a random ranking for None."""
        columns = select(next(iter(self.tables.values())).columns, metric)  # all tables have the same
        found = np.full((len(columns), 1 + self.num_draws), np.nan)
        for scores, column in zip(found, columns, strict=True):
            if values.get(column) is not None:
                scores[0] = values[column]
                scores[1:] = self.draws.get(self.tables[number].place(row, column), np.nan)
        return found


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
    """Compare losses in mP@10 where one is CLEAR_LEAD points or more ahead in mAP: the same one is ahead. In Table 7,
    and in 9 where distractors were evaluated."""
    numbers = [7, *([9] if 9 in scores.tables and scores.tables[9].distractors else [])]
    for number in numbers:
        for (pair, low), (other_pair, high) in permutations(scores.rows.get(number, ()), 2):
            if pair == other_pair:
                lead = _leads(scores(number, pair, high)[:, 0], scores(number, pair, low)[:, 0])
                if any(lead):
                    yield Comparison(pair, *(scores(number, pair, loss, "mP@10")[lead] for loss in (low, high)))


def _leads(high: np.ndarray, low: np.ndarray) -> list[bool]:
    """Return for each column whether `high` is CLEAR_LEAD above `low`. If one is missing it is True, so that the pair,
    which then has an unknown score, is left out."""
    ends = zip(high, low, strict=True)
    return [np.isnan(ahead - behind) or tenths(ahead) - tenths(behind) >= CLEAR_LEAD for ahead, behind in ends]


def falls_with_distractors(scores: Scores) -> Iterator[Comparison]:
    """Compare every score of Tables 7 and 8 with Tables 9 and 10, where it is lower unless it was zero."""
    for before, after in ((7, 9), (8, 10)):
        later = {row.identity: row for row in (scores.tables[after].rows if after in scores.tables else ())}
        for row in scores.tables[before].rows if before in scores.tables else ():
            if before == 8 and not row.teacher:
                continue  # repeats Table 7
            for metric in METRICS:
                low = scores.of_row(after, later.get(row.identity), metric)
                high = scores.of_row(before, row, metric)
                yield Comparison(row.pair, low, high, ties=high[:, 0] == 0)


def beats_its_teacher(losses: tuple[str, ...], *, number: int, metrics: tuple[str, ...] = METRICS) -> Ordering:
    """Compare the better of these losses with the teacher in the last pair, the supplement's largest student by its
    largest teacher: it is ahead in all columns of these metrics."""

    def comparisons(scores: Scores) -> Iterator[Comparison]:
        for last in list(scores.rows.get(number, {}).values())[-1:]:
            table = scores.tables[number]
            teacher = {row.student: row for row in table.rows if not row.teacher}.get(last.teacher)
            for metric in metrics:
                low = scores.of_row(number, teacher, metric)
                yield Comparison(last.pair, low, scores.better((number,), last.pair, losses, metric))

    return comparisons


def gap_grows(scores: Scores) -> Iterator[Comparison]:
    """Compare symmetric less asymmetric mAP with and without distractors: it is larger with them."""
    for pair in scores.pairs(7, 8, 9, 10):
        for loss in IN_TEACHERS_SPACE:
            found = [scores(number, pair, loss) for number in (7, 8, 9, 10)]
            # rounded, so that equal gaps are equal in binary too
            yield Comparison(pair, np.round(found[0] - found[1], 4), np.round(found[2] - found[3], 4))


def near_chance(scores: Scores) -> Iterator[Comparison]:
    """Compare rkd and dr in Table 8: each comes less than NEAR_CHANCE of the way from a random ranking to reg in
    mAP."""
    for pair in scores.pairs(8):
        for loss in ("rkd", "dr"):
            yield Comparison(pair, scores(8, pair, loss), _towards_reg(scores, 8, pair, NEAR_CHANCE))


def far_above_chance(scores: Scores) -> Iterator[Comparison]:
    """Compare each successor in Table 12: it comes FAR_ABOVE_CHANCE or more of the way from a random ranking to reg
    in mAP."""
    for pair, loss in scores.rows.get(12, ()):
        if loss in SUCCESSORS:
            bound = _towards_reg(scores, 12, pair, FAR_ABOVE_CHANCE)
            yield Comparison(pair, bound, scores(12, pair, loss), ties=True)


def _towards_reg(scores: Scores, number: int, pair: str, share: float) -> np.ndarray:
    """Return the mAP so far on the way from a random ranking to reg."""
    chance = scores.chance(number)
    return chance + share * (scores(number, pair, "reg") - chance)


def _in_order(scores: Scores, numbers, order, metric: str, ties: bool) -> Iterator[Comparison]:
    for pair in scores.pairs(*numbers):
        for groups in order:
            low, high = (scores.better(numbers, pair, losses, metric) for losses in groups)
            yield Comparison(pair, low, high, ties)
