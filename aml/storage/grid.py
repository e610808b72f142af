"""Which cells exist: section `grid` of params.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """Names of datasets, networks and losses, in the order of the tables."""

    datasets: list[str]
    train_set: str | None  # None: nothing is trained, and every network owns its whitening
    test_sets: list[str]
    distractors: str | None
    teachers: list[str]
    students: list[str]
    dimensions: list[int]  # of students without teacher: the teachers' own
    losses: list[str]
    loss_without_teacher: str
    seeds: list[int] | None  # each trains every student once; None: nothing is trained

    def __post_init__(self):
        for name in ("datasets", "test_sets", "teachers", "students", "dimensions", "losses"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"{name} is {values}; accepted: one or more, each once")
        seeds = self.seeds
        if seeds is not None and (not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0):
            raise ValueError(f"seeds is {seeds}; accepted: one or more, each once and 0 or more")
