"""Write and read whitening.npz: the whitening that a network owns, in its model folder and in its descriptor folder.

`m` (D,) and `P` (D, D), float64: x -> P (x - m), divided by its norm. A published network owns one; for the others
testing learns it.
"""

from pathlib import Path

import numpy as np

from aml.files.atomic import read_npz, replacing
from aml.files.descriptors import DescriptorFolder
from aml.files.digests import file_sha256

FILENAME = "whitening.npz"


def write_whitening(folder: Path, mean: np.ndarray, projection: np.ndarray) -> None:
    """Write the whitening of a model or descriptor folder."""
    with replacing(Path(folder) / FILENAME) as path, open(path, "wb") as file:
        np.savez(file, m=mean, P=projection)


def read_whitening(folder: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Read m `(D,)` and P `(D, D)`; None for a folder without. Raises ValueError for a damaged file."""
    path = Path(folder) / FILENAME
    if not path.exists():
        return None
    arrays = read_npz(path, "mP")
    return arrays["m"], arrays["P"]


def whitening_sha256(folder: Path) -> str | None:
    """The sha256 of a folder's whitening, or None."""
    path = Path(folder) / FILENAME
    return file_sha256(path) if path.exists() else None


def owned_whitening(folder: DescriptorFolder) -> tuple[np.ndarray, np.ndarray] | None:
    """Read m `(D,)` and P `(D, D)` of a network that owns its whitening; None for others.

    Raises ValueError for another whitening than provenance.json names.
    """
    found, named = whitening_sha256(folder.folder), folder.network.get("whitening")
    if found != named:
        raise ValueError(f"{folder.folder}: provenance.json names whitening {named}, but whitening.npz is {found}")
    return read_whitening(folder.folder)
