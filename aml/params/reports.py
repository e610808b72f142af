"""What tables, figures and the page show: networks, losses and test sets in the order of rows and columns; and the
sections `complexity`, `comparison` and `bootstrap`."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from aml.params.grid import key_of
from aml.params.reading import SIDES, NotNegative, Seed, Within
from aml.params.vectors import VectorSettings


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
    vectors: VectorSettings | None = None  # where it is known by its vectors alone


@dataclass(frozen=True)
class Loss:
    key: str
    label: str
    members: tuple[str, ...]  # what aml.losses.members gives
    mining: str  # hard, random, none
    equation: int | None = None  # what aml.losses.equation gives

    @property
    def labelled(self) -> bool:
        """Whether positives and negatives come from labels; the anchor itself needs none."""
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
        return {key_of(self.key, seed): seed for seed in self.seeds or (None,)}


@dataclass(frozen=True)
class TableSettings:
    """The grid in print. Raises ValueError for a key or label that two networks share."""

    students: tuple[Named, ...]
    teachers: tuple[Teacher, ...]
    dimensions: tuple[int, ...]  # of the students trained without a teacher
    losses: tuple[Loss, ...]
    loss_without_teacher: Loss  # trains the teachers and the students without a teacher
    test_sets: tuple[Named, ...]
    distractors: Named | None
    train_set: Named | None  # None where nothing is trained
    note: str  # first sentence of every caption; "" for none
    seeds: tuple[int, ...]  # of the students; () where nothing is trained
    shrinkage: float = 0.0  # of the learned whitening

    def __post_init__(self):
        for what in ("key", "label"):
            counts = Counter(getattr(network, what) for network in (*self.teachers, *self.students))
            for name, count in counts.items():
                if count > 1:
                    raise ValueError(f"network {what} {name!r} stands twice in the table settings; accepted: once")

    @property
    def several_seeds(self) -> bool:
        return len(self.seeds) > 1

    def without_queries(self) -> dict[str, str]:
        """Return the key and label of each teacher without vectors of queries, which therefore has no scores of its
        own."""
        return {
            teacher.key: teacher.label for teacher in self.teachers if teacher.vectors and not teacher.vectors.queries
        }

    def networks(self) -> list[Network]:
        return self.without_teacher() + self.of_pairs(self.losses)

    def without_teacher(self) -> list[Network]:
        """Return the teachers, then each student in each dimension."""
        loss = self.loss_without_teacher
        teachers = [
            Network(teacher.key, teacher.key, teacher.label, teacher.dimension, None, loss, seeds=())
            for teacher in self.teachers
        ]
        return teachers + [
            Network(key_of(student.key, dimension), student.key, student.label, dimension, None, loss, self.seeds)
            for student in self.students
            for dimension in self.dimensions
        ]

    def of_pairs(self, losses: Iterable[Loss]) -> list[Network]:
        """Return each student distilled from each teacher by each of `losses`, losses varying fastest."""
        losses = tuple(losses)
        return [
            Network(
                key=key_of(student.key, teacher.key, loss.key),
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
class ComplexitySettings:
    """How networks are counted and timed."""

    sizes: list[Annotated[list[int], SIDES]]  # of an image, [height, width], pixels; figures show the last
    repeats: Annotated[int, Within(1, 1_000_000)]  # timed passes, of which the median counts

    def __post_init__(self):
        are_pairs = all(len(size) == 2 for size in self.sizes)
        if not self.sizes or not are_pairs or len(set(map(tuple, self.sizes))) < len(self.sizes):
            raise ValueError(f"sizes is {self.sizes}; accepted: one or more [height, width], each once")


@dataclass(frozen=True)
class ComparisonSettings:
    """How tables are compared with the supplement's Tables 5-10."""

    printed: bool  # whether to compare; only the supplement's networks on its test sets can be compared
    tolerance: NotNegative  # points by which a published teacher's mAP may be off its printed one


@dataclass(frozen=True)
class BootstrapSettings:
    """How the tables' uncertainty is estimated: from the landmarks and seeds that there are."""

    seed: Seed
    draws: Annotated[int, Within(1, 1_000_000)]  # of as many landmarks and seeds as there are
    confidence: float  # of an interval, percent

    def __post_init__(self):
        if not 0 < self.confidence < 100:
            raise ValueError(f"confidence is {self.confidence:g}; accepted: percent, between 0 and 100")
