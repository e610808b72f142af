"""The descriptors of one image list on their way to disk, in shards: an interrupted extraction goes on behind the last.

A shard is a run of batches, and a file `<list>.<number>.npy` in a work folder: their descriptors, one after the other.
"""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aml.files.atomic import replacing, reserve

NUM_ROWS = 1024  # of a shard, up to a batch more: what an interruption costs at most


class Shards:
    """All shards of a list whose rows are in `batches`; iterating gives (rows, descriptors) of each, from its file.

    How rows are batched is what their bits depend on; where the batches are cut into shards is not.
    """

    def __init__(self, folder: Path, name: str, batches: list[list[int]], *, dtype: str):
        self.folder, self.name, self.dtype = Path(folder), name, dtype
        begins = itertools.accumulate(map(len, batches), initial=0)
        runs = itertools.groupby(zip(begins, batches, strict=False), key=lambda pair: pair[0] // NUM_ROWS)
        self.batches = [[batch for _, batch in run] for _, run in runs]

    def __iter__(self) -> Iterator[tuple[list[int], np.ndarray]]:
        for number in range(len(self.batches)):
            yield self.rows(number), np.load(self._path(number), allow_pickle=False)

    def rows(self, number: int) -> list[int]:
        """The rows of a shard in the order of its descriptors."""
        return [row for batch in self.batches[number] for row in batch]

    def missing(self, process: int, num_processes: int) -> list[int]:
        """The numbers of the shards that `process` of `num_processes` has yet to compute: every so-manieth, since
        batches follow one another by image size and a run of them would be a run of the largest."""
        own = range(process, len(self.batches), num_processes)
        return [number for number in own if not self._path(number).exists()]

    def write(self, number: int, descriptors: np.ndarray) -> None:
        """Keep a shard's descriptors `(N, D)`, in the order of `rows`. Raises OSError if the disk has no room."""
        content = io.BytesIO()  # NumPy itself would say of a full disk how much it wrote, and not what is wrong
        np.save(content, descriptors.astype(self.dtype))
        with replacing(self._path(number)) as path, open(path, "wb") as file:
            reserve(file, content.tell())
            file.write(content.getbuffer())

    def _path(self, number: int) -> Path:
        return self.folder / f"{self.name}.{number}.npy"
