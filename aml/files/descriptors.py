"""Write and read descriptor folders: `.npy` arrays with rows of unit norm, and `provenance.json`, which describes them.

Row i of `<name>.npy` describes image i of one image list. Evaluation refuses folders that do not belong together.
Therefore the provenance has the network, image size and scales that made the folder; for each array the number of rows,
the digests of its list and of its file, and whether its rows are whitened; and the digest of the whitening.npz that
whitened them (null if none did). Rows are checked when they are written, and files against their digests when they are
read.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from aml.files.atomic import damaged, read_json, reserve, write_json
from aml.files.digests import pieces_crc32

TOLERANCE = 2e-3  # of a row's norm: float16 rounds a unit-norm row's norm by up to 5e-4


def write_descriptors(
    folder: Path, name: str, pieces: Iterable[tuple], *, shape: tuple[int, int], digest: str, dtype: str, whitened: bool
) -> dict:
    """Write one array of `shape` (N, D) as `dtype` and return its entry in the provenance. `digest`: of its list.

    `pieces` are pairs: row numbers (n,) and those rows' descriptors (n, D). Together they hold each row once; one is in
    memory at a time. Use it inside `replacing_folder`, which removes an unfinished array. Raises ValueError naming the
    row if a descriptor is not finite or not of unit norm, OSError if the disk has no room for the array.
    """
    path = Path(folder) / f"{name}.npy"
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    with open(path, "r+b") as file:
        reserve(file, path.stat().st_size)
    written = np.zeros(len(array), bool)
    for rows, descriptors in pieces:
        check_rows(descriptors, rows, name)
        array[rows] = descriptors
        written[rows] = True
    assert written.all(), name
    entry = {"rows": len(array), "digest": digest, "dtype": dtype, "whitened": whitened}
    return entry | {"pieces_crc32": pieces_crc32(path)}


def write_provenance(
    folder: Path, *, network: dict, extraction: dict, arrays: dict[str, dict], whitening: str | None
) -> None:
    """Write `provenance.json`: which network made the arrays, how (`extraction`), an entry for each array, and the
    digest of the whitening."""
    content = {"network": network, "extraction": extraction, "whitening": whitening, "arrays": arrays}
    write_json(Path(folder) / "provenance.json", content)


class DescriptorFolder:
    """A descriptor folder, opened for reading; its arrays are memory maps.

    Raises ValueError if files differ from the provenance, are damaged, missing, or too many.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        path = self.folder / "provenance.json"
        if not path.exists():
            raise ValueError(f"{self.folder} is not a descriptor folder: provenance.json is missing")
        keys = ("network", "extraction", "arrays", "whitening")  # the last is read by `aml.files.whitening`
        provenance, self._opened = read_json(path, *keys), {}
        self.network, self.extraction, self.arrays, self.whitening = (provenance[key] for key in keys)
        found = {file.stem for file in self.folder.glob("*.npy")}
        if found != set(self.arrays):
            odd = sorted(found ^ set(self.arrays))[0]
            fate = "there" if odd in found else "missing"
            raise ValueError(f"{self.folder}: provenance.json names {sorted(self.arrays)}, but {odd}.npy is {fate}")

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the array `(N, D)` of list `name`, float32 or float16, as a memory map.

        The first call reads the whole file to compare its digest.
        """
        if name not in self._opened:
            path, expected = self.folder / f"{name}.npy", self.entry(name)["pieces_crc32"]
            found = pieces_crc32(path)
            if found != expected:
                raise damaged(path, f"its digest is {found[:12]}, provenance.json names {expected[:12]}")
            self._opened[name] = np.load(path, mmap_mode="r")
        return self._opened[name]

    def entry(self, name: str) -> dict:
        """Return what the provenance says of array `name`. Raises ValueError for an unknown name."""
        if name not in self.arrays:
            raise ValueError(f"{self.folder} has no {name!r}; known: {', '.join(sorted(self.arrays))}")
        return self.arrays[name]

    def require_list(self, name: str, digest: str, *, whitened: bool) -> None:
        """Raise ValueError unless array `name` describes the list with this `digest`, whitened or not."""
        entry, forms = self.entry(name), {True: "whitened", False: "raw"}
        if entry["digest"] != digest:
            raise ValueError(
                f"{self.folder}/{name}.npy describes {entry['rows']} images of list {entry['digest'][:12]}; expected "
                f"list {digest[:12]}: extract again"
            )
        if entry["whitened"] != whitened:
            raise ValueError(
                f"{self.folder}/{name}.npy has {forms[entry['whitened']]} descriptors; accepted: {forms[whitened]} ones"
            )


def check_rows(descriptors: np.ndarray, rows: Sequence[int], name: str) -> None:
    """Raise ValueError naming the first of `rows` that is not finite or not of unit norm (to `TOLERANCE`)."""
    norms = np.sqrt(np.einsum("nd,nd->n", descriptors, descriptors, dtype=np.float32))
    bad = np.flatnonzero(~(np.abs(norms - 1) < TOLERANCE))
    if len(bad):
        raise ValueError(f"{name}: row {rows[bad[0]]} has norm {norms[bad[0]]}; expected 1 ({len(bad)} such rows)")
