"""Vectors that any model has made, from a user's files, as descriptors of the images of a list.

The vectors of a set are in <set>.npy, (N, components). Line i of <set>.txt is the name of the image of row i, as in
images.csv of the packed set. The vectors of a test set's queries are in <set>.queries.npy and <set>.queries.txt.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aml.datasets.upstream_lists import one_form
from aml.evaluation.whitening import whiten
from aml.files.digests import file_sha256
from aml.files.whitening import Whitening

BLOCK_ROWS = 8192  # in memory at a time
AGAIN = "describe the image again, or take it out of the set"


class NamedVectors:
    """The vectors of the images `names` in the files <folder>/<stem>.npy and .txt; others in the files are not used.

    If `names` has an image several times (as a query with several boxes), its vectors are taken in the order of the
    files. Raises ValueError, with the remedy, for a file that is missing or is not such an array, a vector of another
    size, more or fewer names than vectors, a name that stands more often than in `names`, and an image without a
    vector.
    """

    def __init__(self, folder: Path, stem: str, names: list[str], *, components: int, negative: str):
        self.path, self.names, self.negative = Path(folder) / f"{stem}.npy", names, negative
        self.list = self.path.with_name(f"{stem}.txt")
        self.vectors = _open(self.path, components)
        self.rows = _rows(_names(self.list), names, self.list, self.path, len(self.vectors))

    def sha256(self) -> list[str]:
        """Return the digests of both files."""
        return [file_sha256(path) for path in (self.path, self.list)]

    def unit(self) -> np.ndarray:
        """Return all vectors in the order of `names`, divided by their norm, (N, components) float64.

        Raises ValueError, here and below, naming the image whose vector is not finite or zero, or has a component below
        0 if that is refused.
        """
        return np.concatenate([vectors for _, vectors in self._pieces()])

    def outputs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield positions in `names` (n,) and their unit-norm vectors as students describe them, float32:
        (n, components), or, if they are split, (n, 2 components), the positive parts and then the negative ones."""
        for positions, vectors in self._pieces():
            parts = (vectors.clip(min=0), -vectors.clip(max=0)) if self.negative == "split" else (vectors,)
            yield positions, np.concatenate(parts, axis=1, dtype=np.float32)

    def whitened(self, whitening: Whitening) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield positions in `names` (n,) and their whitened vectors (n, components), by a float32 product."""
        mean, projection = (array.astype(np.float32) for array in (whitening.mean, whitening.projection))
        for positions, vectors in self._pieces():
            yield positions, whiten(vectors.astype(np.float32), mean, projection)

    def _pieces(self):
        for begin in range(0, len(self.names), BLOCK_ROWS):
            positions = np.arange(begin, min(begin + BLOCK_ROWS, len(self.names)))
            vectors = self.vectors[self.rows[positions]].astype(np.float64)
            norms = np.linalg.norm(vectors, axis=1)
            self._refuse(positions, ~np.isfinite(norms), "is not finite", AGAIN)
            self._refuse(positions, norms == 0, "is zero", AGAIN)
            if self.negative == "refuse":
                below = (vectors < 0).any(axis=1)
                self._refuse(positions, below, "has components below 0", "set `negative: split` for this teacher")
            yield positions, vectors / norms[:, None]

    def _refuse(self, positions, bad, what, remedy):
        if bad.any():
            image = self.names[positions[bad.argmax()]]
            raise ValueError(f"{self.path}: the vector of {image!r} {what} ({int(bad.sum())} such rows here); {remedy}")


def of_outputs(whitening: Whitening) -> Whitening:
    """Return the same whitening for `outputs` of vectors that are split: it applies P [I, -I], since x = x+ - x-."""
    mean = np.concatenate([whitening.mean, np.zeros_like(whitening.mean)])
    projection = np.concatenate([whitening.projection, -whitening.projection], axis=1)
    return Whitening(mean, projection, whitening.regularisation, whitening.condition_number)


def _open(path: Path, components: int) -> np.ndarray:
    """Open the array as a memory map. Raises ValueError for anything else than numbers of shape (N, components)."""
    if not path.is_file():
        raise ValueError(
            f"no {path.name} in {path.parent}: put the vectors there, and {path.stem}.txt with their names"
        )
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} can't be read ({error}); write it by numpy.save, as an array of numbers") from error
    if not isinstance(vectors, np.ndarray) or vectors.dtype.kind not in "fiu" or vectors.ndim != 2:
        found = f"{vectors.dtype} of shape {vectors.shape}" if isinstance(vectors, np.ndarray) else "several arrays"
        raise ValueError(f"{path} holds {found}; accepted: one array of real numbers, a row for each image")
    if vectors.shape[1] != components:
        raise ValueError(
            f"{path}: vectors of {vectors.shape[1]} components; accepted: {components}, as params.yaml says"
        )
    return vectors


def _names(path: Path) -> list[str]:
    if not path.is_file():
        raise ValueError(f"no {path.name} in {path.parent}: write the images' names there, one a line, as the rows are")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text ({error.reason}); save it as UTF-8") from None
    return [one_form(line.removesuffix("\r")) for line in (lines[:-1] if lines[-1] == "" else lines)]


def _rows(given: list[str], names: list[str], file: Path, vectors: Path, number: int) -> np.ndarray:
    """Return the row of the vectors for each of `names`, (N,) int64."""
    if len(given) != number:
        fewer = "fewer" if len(given) < number else "more"
        raise ValueError(
            f"{file} has {len(given)} names, {fewer} than the {number} vectors of {vectors.name}; accepted: a name for "
            "each row, one a line, in their order"
        )
    rows_of, wanted = defaultdict(list), Counter(names)
    for row, name in enumerate(given):
        rows_of[name].append(row)
    for name, rows in rows_of.items():
        if len(rows) > max(1, wanted[name]):
            raise ValueError(
                f"{file}: {name!r} stands {len(rows)} times, first in lines {rows[0] + 1} and {rows[1] + 1}; accepted: "
                "once for each time that the set has it; remove the others, and their vectors"
            )
    missing = [name for name in wanted if len(rows_of.get(name, ())) < wanted[name]]
    if missing:
        example = f", which has names like {given[0]!r}" if given else ""
        raise ValueError(
            f"{file}: no vector of {missing[0]!r} ({len(missing)} of {len(wanted)} images lack theirs){example}; names "
            "are those of the packed set's images.csv: add the vectors, or take the images out of the set"
        )
    left = {name: iter(rows) for name, rows in rows_of.items()}
    return np.array([next(left[name]) for name in names], np.int64)
