"""Which networks exist (section `grid`), and the key that names each one's files.

A key is `<teacher>`, `<student>-<dimension>-<seed>` for a student without teacher, or
`<student>-<teacher>-<loss>-<seed>` for a distilled one. A published network's key and that of a row in the tables have
no seed. DVC joins the axes of a matrix in the same way. Keys are made of their parts and never taken apart.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """Names of datasets, networks and losses, in the order of the tables. Raises ValueError for a name that stands
    twice and for an empty list of what must exist."""

    datasets: list[str]
    train_set: str | None  # None: nothing is trained, and every network owns its whitening
    test_sets: list[str]
    distractors: str | None
    teachers: list[str]
    trained_teachers: list[str]  # each teacher is in this list
    published_teachers: list[str]  # or in this one
    vector_teachers: list[str]  # known by section `vectors` alone: their networks are not needed
    students: list[str]
    dimensions: list[int]  # of students without teacher: the teachers' own, each once; []: no such students
    losses: list[str]
    loss_without_teacher: str
    seeds: list[int] | None  # each student is trained once by each; None: nothing is trained, keys have no seed

    def __post_init__(self):
        for name in ("datasets", "test_sets", "teachers", "students", "dimensions", "losses"):
            values, least = getattr(self, name), 0 if name in ("dimensions", "losses") else 1
            if len(values) < least or len(set(values)) < len(values):
                raise ValueError(f"{name} is {values}; accepted: {'one or more, ' if least else ''}each once")
        if self.seeds is not None and (not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0):
            raise ValueError(f"seeds is {self.seeds}; accepted: one or more, each once, 0 or more")


def key_of(*parts: str | int | None) -> str:
    """Return the key of a network from its parts in their order; parts that are None are left out."""
    return "-".join(str(part) for part in parts if part is not None)
