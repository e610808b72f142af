"""What the tables are about: networks, losses and test sets in the order of the rows and columns. Torch-free."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from aml.params.reading import require_within

MEMBERS = ("self", "positive", "negatives")
MINING = ("hard", "random", "none")


@dataclass(frozen=True)
class Named:
    """A student, test set or distractor set: its key in files and its label in print."""

    key: str
    label: str


@dataclass(frozen=True)
class Teacher:
    key: str
    label: str
    dimension: int  # of its descriptors, and of its students'


@dataclass(frozen=True)
class Loss:
    key: str
    label: str
    members: tuple[str, ...]  # what aml.losses.members gives
    mining: str  # one of MINING
    equation: int | None = None  # what aml.losses.equation gives

    @property
    def labelled(self) -> bool:
        """Positives and negatives come from labels, the anchor itself doesn't."""
        return "positive" in self.members or "negatives" in self.members


@dataclass(frozen=True)
class Network:
    """One network of the grid; `dimension` is that of its descriptors."""

    key: str  # of its row in the tables
    name: str  # of the student or teacher that it is
    label: str
    dimension: int
    teacher: Teacher | None
    loss: Loss
    seeds: tuple[int, ...]  # it was trained once by each; () for a teacher and a published network

    @property
    def record_keys(self) -> dict[str, int | None]:
        """The keys of its metrics records, and the seed of each."""
        return {f"{self.key}-{seed}": seed for seed in self.seeds} or {self.key: None}


@dataclass(frozen=True)
class TableSettings:
    """The grid in print.

    Raises ValueError for an unknown member or mining, and for a key or label that names two things in one column.
    """

    students: tuple[Named, ...]
    teachers: tuple[Teacher, ...]
    dimensions: tuple[int, ...]  # of the students trained without a teacher
    losses: tuple[Loss, ...]
    loss_without_teacher: Loss  # trains the teachers and the students without a teacher
    test_sets: tuple[Named, ...]
    distractors: Named | None
    train_set: Named | None  # None where nothing is trained
    note: str  # opens every caption; "" says nothing
    seeds: tuple[int, ...]  # of the students; () where nothing is trained

    def __post_init__(self):
        networks = (*self.teachers, *self.students)
        _refuse_repeats("network key", (network.key for network in networks))
        _refuse_repeats("network label", (network.label for network in networks))
        _refuse_repeats("dimension", self.dimensions)
        _refuse_repeats("loss", (loss.key for loss in self.losses))
        _refuse_repeats("test set", (test_set.key for test_set in self.test_sets))
        _refuse_repeats("seed", self.seeds)
        if not self.test_sets:
            raise ValueError("no test set in the table settings; accepted: one or more")
        for loss in (*self.losses, self.loss_without_teacher):
            unknown = sorted(set(loss.members) - set(MEMBERS))
            if unknown:
                raise ValueError(f"unknown members {unknown} of loss {loss.key!r}; known: {', '.join(MEMBERS)}")
            if loss.mining not in MINING:
                raise ValueError(f"unknown mining {loss.mining!r} of loss {loss.key!r}; known: {', '.join(MINING)}")

    @property
    def several_seeds(self) -> bool:
        return len(self.seeds) > 1

    def networks(self) -> list[Network]:
        return self.without_teacher() + self.of_pairs(self.losses)

    def without_teacher(self) -> list[Network]:
        """The teachers, then each student in each dimension."""
        loss = self.loss_without_teacher
        alone = [
            Network(teacher.key, teacher.key, teacher.label, teacher.dimension, None, loss, seeds=())
            for teacher in self.teachers
        ]
        for student in self.students:
            for dimension in self.dimensions:
                key = f"{student.key}-{dimension}"
                alone.append(Network(key, student.key, student.label, dimension, None, loss, self.seeds))
        return alone

    def of_pairs(self, losses: Iterable[Loss]) -> list[Network]:
        """Each student distilled from each teacher by each of `losses`, losses varying fastest."""
        losses = tuple(losses)
        return [
            Network(
                key=f"{student.key}-{teacher.key}-{loss.key}",
                name=student.key,
                label=student.label,
                dimension=teacher.dimension,
                teacher=teacher,
                loss=loss,
                seeds=self.seeds,
            )
            for student in self.students
            for teacher in self.teachers
            for loss in losses
        ]


@dataclass(frozen=True)
class ComparisonSettings:
    """Ours against the supplement's Tables 5-10."""

    printed: bool  # whether to compare at all: only its own networks on its own test sets can be
    tolerance: float  # points by which a published teacher's mAP may be off its printed one

    def __post_init__(self):
        require_within(self, tolerance=(0, inf))


@dataclass(frozen=True)
class BootstrapSettings:
    """How the tables' uncertainty is estimated, from the queries that there are."""

    seed: int
    draws: int  # of as many queries as there are
    confidence: float  # of an interval, percent

    def __post_init__(self):
        require_within(self, seed=(0, inf), draws=(1, 1_000_000))
        if not 0 < self.confidence < 100:
            raise ValueError(f"confidence is {self.confidence:g}; accepted: percent, between 0 and 100")


def _refuse_repeats(what: str, names: Iterable):
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{what} {repeated[0]!r} stands twice in the table settings; accepted: once")
