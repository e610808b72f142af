"""Sections `export` and `index`: a student for devices, and its teacher's database for searches."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aml.params.reading import Count, Within


@dataclass(frozen=True)
class ExportSettings:
    calibration_images: Annotated[int, Within(1, 10_000)]  # of the training set, from which int8 learns its ranges


@dataclass(frozen=True)
class IndexSettings:
    """The kind of faiss index to write, the sizes of each kind, and the sets in it."""

    sets: list[str] | None  # sets that a search looks into; None: the test sets' databases and the distractors
    kind: Literal["flat", "ivf", "ivfpq", "hnsw"]
    lists: Count  # of ivf and ivfpq: clusters of rows
    probes: Count  # clusters that a query reads
    code_bytes: Annotated[int, Within(1, 1024)]  # an image, of ivfpq
    links: Annotated[int, Within(2, 512)]  # an image, of hnsw

    def __post_init__(self):
        if self.probes > self.lists:
            raise ValueError(f"probes is {self.probes}; accepted: at most lists, which is {self.lists}")
