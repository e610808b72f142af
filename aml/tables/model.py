"""What a table is: rows of networks, columns of scores in percent."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from aml.params.reports import Loss

LEVELS = ("medium", "hard")
METRICS = ("mAP", "mP@10")
ABLATION = ("contr", "contr_plus", "contr_pos", "contr_pos_self", "reg")  # order of the rows of Tables 5 and 6
ALL = ("contr_plus", "contr", "triplet", "ms", "reg", "rkd", "dr")  # order of Tables 7-10, before any further loss
SUCCESSORS = ("csd", "d3still", "raml", "rop", "cc", "ssp")  # METHOD, Section 10: in Tables 11 and 12 alone


@dataclass(frozen=True)
class Kind:
    """What a table shows. rows: "ablation" of the contrastive loss; "all losses", with any further loss of the grid; or
    "successors" beside the best of the paper's. The last two also have the networks without teacher."""

    protocol: str  # "symmetric" or "asymmetric"
    rows: str
    with_distractors: bool

    def losses(self, grid: Iterable[Loss]) -> list[Loss]:
        """Return the losses of the grid that the table shows, in its order: none if it would have no successor."""
        by_key = {loss.key: loss for loss in grid}
        further = [key for key in by_key if key not in ABLATION + ALL + SUCCESSORS]
        order = {
            "ablation": ABLATION,
            "all losses": (*ALL, *further),
            "successors": ("contr_plus", "reg", *SUCCESSORS) if by_key.keys() & set(SUCCESSORS) else (),
        }
        return [by_key[key] for key in order[self.rows] if key in by_key]

    @property
    def training(self) -> tuple[str, ...]:
        """The headings of the columns that say how a row was trained, besides its loss; `Row.trained` fills them."""
        return ("Lab", "Self", "Pos", "Neg") if self.rows == "ablation" else ("Lab", "Mining", "Asym")


TABLES = {
    5: Kind("symmetric", "ablation", with_distractors=False),
    6: Kind("asymmetric", "ablation", with_distractors=False),
    7: Kind("symmetric", "all losses", with_distractors=False),
    8: Kind("asymmetric", "all losses", with_distractors=False),
    9: Kind("symmetric", "all losses", with_distractors=True),
    10: Kind("asymmetric", "all losses", with_distractors=True),
    11: Kind("symmetric", "successors", with_distractors=False),
    12: Kind("asymmetric", "successors", with_distractors=False),
}


@dataclass(frozen=True)
class Row:
    """One network under one protocol; `values` maps every column of its table to a percentage or None."""

    key: str  # of the network
    student: str  # label of the network that describes the queries
    dimension: int
    teacher: str  # label, "" for a network trained without one
    trained_by: Loss  # read from CSV, it has its key alone
    values: dict[str, float | None]
    deviations: dict[str, float | None] = field(default_factory=dict)  # over seeds, {} unless students have several
    bold: tuple[str, ...] = ()  # columns
    marked: tuple[str, ...] = ()  # columns with a dagger, which the caption explains

    @property
    def loss(self) -> str:
        """The key of its loss."""
        return self.trained_by.key

    @property
    def identity(self) -> tuple[str, int, str, str]:
        """Values that no other row of its table has."""
        return self.student, self.dimension, self.teacher, self.loss

    @property
    def pair(self) -> str:
        """The student and its teacher in words, or the student and its dimension."""
        return f"{self.student} by {self.teacher}" if self.teacher else f"{self.student}, {self.dimension}, no teacher"

    def trained(self, heading: str) -> bool | str:
        """Return what is under a heading of `Kind.training`: whether to tick, or the mining, "" without any."""
        loss = self.trained_by
        return {
            "Lab": loss.labelled,
            "Self": "self" in loss.members,
            "Pos": "positive" in loss.members,
            "Neg": "negatives" in loss.members,
            "Mining": "" if loss.mining == "none" else loss.mining,
            "Asym": bool(self.teacher and loss.members),  # similarity at training: student against teacher
        }[heading]


@dataclass(frozen=True)
class Table:
    """One of TABLES, with its numbers."""

    number: int
    distractors: str  # key of the distractor set, "" without
    columns: tuple[str, ...]  # "<set>_<level>_<metric>": levels, in them sets, in them metrics
    rows: tuple[Row, ...]
    set_labels: tuple[str, ...]
    title: str = ""
    caption: str = ""
    notes: tuple[str, ...] = ()  # sentences under the table
    chance: dict[str, float | None] = field(default_factory=dict)  # what a random ranking scores; {} if unknown

    @property
    def kind(self) -> Kind:
        return TABLES[self.number]

    @property
    def protocol(self) -> str:
        return self.kind.protocol

    def place(self, row: "Row | None", column: str) -> tuple[str, str, str, str, str]:
        """Return where records have a row's score: network key, protocol, set, level, metric; without row, those of a
        random ranking."""
        name, level, metric = split_column(column)
        protocol = "chance" if row is None else self.protocol if row.teacher else "symmetric"
        name = f"{name}+{self.distractors}" if self.distractors else name
        return row.key if row else "chance", protocol, name, level, metric

    @property
    def metrics(self) -> tuple[str, ...]:
        """The METRICS, and mAP after each expansion that was evaluated."""
        return tuple(dict.fromkeys(split_column(column)[2] for column in self.columns))

    @property
    def has_deviations(self) -> bool:
        return any(row.deviations for row in self.rows)


def score_columns(sets: Iterable[str], metrics: Iterable[str] = METRICS) -> tuple[str, ...]:
    """Return the names of the score columns in the order of the supplement."""
    sets, metrics = tuple(sets), tuple(metrics)
    return tuple(f"{name}_{level}_{metric}" for level in LEVELS for name in sets for metric in metrics)


def split_column(column: str) -> tuple[str, str, str]:
    """Return a column's test set, level and metric."""
    return tuple(column.rsplit("_", 2))


def select(columns: Iterable[str], *metrics: str) -> tuple[str, ...]:
    """Return the columns of these metrics, such as "mAP"."""
    return tuple(column for column in columns if split_column(column)[2] in metrics)


def by_pair(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows of each teacher-student pair, in row order; rows without a teacher are left out."""
    pairs: dict[str, list[Row]] = {}
    for row in rows:
        if row.teacher:
            pairs.setdefault(row.pair, []).append(row)
    return pairs


def tenths(value: float) -> Decimal:
    """Return a score as printed, to one decimal. Halves go up: 57.25, which `round` takes to the even digit, and 0.15,
    which is less in binary."""
    return Decimal(str(value)).quantize(Decimal("0.1"), ROUND_HALF_UP)


def ticked(value: bool | str, tick: str, dash: str) -> str:
    """Return the text of what `Row.trained` gives."""
    if isinstance(value, str):
        return value or dash
    return tick if value else ""


def shown(value: float | None, missing: str, text: Callable[[Decimal], str] = str) -> str:
    """Return a cell's text: one decimal, or `missing`."""
    return missing if value is None else text(tenths(value))
