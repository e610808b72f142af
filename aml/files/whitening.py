"""Write and read whitening.npz. In a model's folder it is the whitening that a network owns, in a descriptor folder the
one that has whitened its arrays.

`m` (D,) and `P` (D, D) are float64: x -> P (x - m), divided by its norm. `learned` has the regularisation and condition
number of a whitening that was learned here; otherwise it is empty.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aml.files.atomic import read_npz, replacing
from aml.files.descriptors import DescriptorFolder
from aml.files.digests import pieces_crc32

FILENAME = "whitening.npz"


@dataclass(frozen=True)
class Whitening:
    """The map x -> P (x - m), divided by (norm + 1e-6)."""

    mean: np.ndarray  # m, (D,) float64
    projection: np.ndarray  # P, (D, D) float64
    # of a whitening that was learned here: what was added to S's diagonal (0 if S had a Cholesky factor), and the
    # condition number of the sum, which was factored
    regularisation: float | None = None
    condition_number: float | None = None


def write_whitening(folder: Path, whitening: Whitening) -> None:
    """Write the whitening of a model or descriptor folder."""
    learned = [] if whitening.regularisation is None else [whitening.regularisation, whitening.condition_number]
    with replacing(Path(folder) / FILENAME) as path, open(path, "wb") as file:
        np.savez(file, m=whitening.mean, P=whitening.projection, learned=np.array(learned, np.float64))


def read_whitening(folder: Path) -> Whitening | None:
    """Read the whitening of a folder, or None if there is none. Raises ValueError for a damaged file."""
    path = Path(folder) / FILENAME
    if not path.exists():
        return None
    arrays = read_npz(path, ("m", "P", "learned"))
    return Whitening(arrays["m"], arrays["P"], *arrays["learned"].tolist())


def whitening_digest(folder: Path) -> str | None:
    """Return the digest of a folder's whitening, or None."""
    path = Path(folder) / FILENAME
    return pieces_crc32(path) if path.exists() else None


def database_whitening(folder: DescriptorFolder) -> Whitening:
    """Read the whitening of a descriptor folder. Raises ValueError if there is none, or another one than
    provenance.json names."""
    found = whitening_digest(folder.folder)
    if found is None or found != folder.whitening:
        raise ValueError(
            f"{folder.folder}: provenance.json names whitening {folder.whitening}, but whitening.npz is "
            f"{found or 'missing'}; `dvc repro` extracts again"
        )
    return read_whitening(folder.folder)
