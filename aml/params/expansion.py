"""Section `expansion`: descriptors to which their nearest are added, for further columns of the tables."""

from dataclasses import dataclass
from typing import Annotated

from aml.params.reading import Count, Within


@dataclass(frozen=True)
class Neighbours:
    """How many of the nearest images are added to a descriptor, and their weights (METHOD, Sec. 12)."""

    neighbours: Count  # n
    alpha: Annotated[float | None, Within(0)]  # weight: similarity to this power; None: (n - r) / n of the r-th nearest


@dataclass(frozen=True)
class ExpansionSettings:
    """Query expansion and database-side augmentation, each None for none."""

    query: Neighbours | None
    database: Neighbours | None
