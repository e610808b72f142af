"""A search by an exported student in the index of its teacher, and on request by the teacher itself."""

import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aml.files.image_sets import read_images
from aml.files.whitening import read_whitening
from aml.images import read_pixels
from aml.search.index import Index, Result
from aml.search.student import Student
from tools.search.photo import query_pixels, upright

if TYPE_CHECKING:  # it imports torch
    from aml.search.network_file import Describer


class Answer(NamedTuple):
    photo: str
    pixels: np.ndarray  # (H, W, 3)
    box: Sequence[float] | None
    results: list[Result]
    milliseconds: float  # from the photo's pixels to the results
    teacher_results: list[Result] | None  # what the teacher itself finds; None unless it was asked


class Finder:
    """An exported student and an index, opened together; an index of another teacher is refused.

    models: the folder of the teacher's model if its results are wanted too, which loads torch. processed: the folder of
    image sets, for pictures.
    """

    def __init__(self, model: Path, index: Path, *, processed: Path, models: Path | None = None):
        self.student, self.index, self.processed = Student(model), Index(index), processed
        self.index.require_teacher(self.student.about["teacher"], self.student.path)
        self.teacher = None if models is None else _teacher(models, self.index)

    def ask(self, photo: str, data: bytes, box: Sequence[float] | None, top: int) -> Answer:
        """Search for a photo. Raises ValueError naming it if it can't be decoded, or its box is outside it."""
        try:
            pixels = upright(data)
            started = time.perf_counter()
            seen = query_pixels(pixels, box, self.student.about["image_size"])
        except ValueError as error:
            raise ValueError(f"{photo}: {error}") from error
        results = self.index.search(self.student.describe(seen), top)
        taken = 1000 * (time.perf_counter() - started)
        also = None if self.teacher is None else self.index.search(self.teacher.describe(seen), top)
        return Answer(photo, pixels, box, results, taken, also)

    def pixels(self, result: Result) -> np.ndarray | None:
        """Return the pixels of a database image; None if its set is not on this machine, or no longer has it."""
        images = self._images(result.set)
        if images is None or result.name not in images.names:
            return None
        return read_pixels(images, images.names.index(result.name))

    @cache  # noqa: B019 - one finder a process
    def _images(self, name: str):
        folder = self.processed / name
        return read_images(folder) if (folder / "images.csv").exists() else None


def _teacher(models: Path, index: Index) -> "Describer":
    """Return the teacher itself, which describes photos as the index has them. Raises ValueError if its model is not
    the one that made the index."""
    from aml.networks.stored import identity, load_network
    from aml.search.network_file import Describer

    folder, wanted = models / index.about["teacher"]["key"], index.about["teacher"]["sha256"]
    if not folder.exists():
        raise ValueError(f"no {folder}: --teacher needs the teacher's network, which one known by vectors has not")
    network, description = load_network(folder)
    if identity(folder, description)["sha256"] != wanted:
        raise ValueError(
            f"{folder} is not the network {wanted[:8]} that made {index.folder}; `dvc repro` and index again"
        )
    scales = index.about["extraction"]["scales"]
    return Describer(network, description["normalisation"], read_whitening(index.folder), scales)
