"""whitening.npz: the whitening that a network owns, in its model folder and in its descriptor folder.

`m` (D,) and `P` (D, D), float64: x -> P (x - m), then divided by its norm. A network without one gets it learned at
testing; one that its authors published brings its own.
"""

from pathlib import Path

import numpy as np

from aml.files.atomic import read_npz, replacing
from aml.files.descriptors import DescriptorFolder
from aml.files.digests import file_sha256

FILENAME = "whitening.npz"


def write_whitening(folder: Path, mean: np.ndarray, projection: np.ndarray) -> None:
    with replacing(Path(folder) / FILENAME) as path, open(path, "wb") as file:
        np.savez(file, m=mean, P=projection)


def read_whitening(folder: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """m and P, or None for a folder without. Raises ValueError for other arrays than those, of other shapes, and for a
    damaged file."""
    path = Path(folder) / FILENAME
    if not path.exists():
        return None
    arrays = read_npz(path)
    shapes = {name: array.shape for name, array in arrays.items()}
    dimension = shapes.get("m", ())
    if shapes != {"m": dimension, "P": dimension * 2} or len(dimension) != 1:
        raise ValueError(f"{path} holds arrays {shapes}; expected m (D,) and P (D, D)")
    for name, array in arrays.items():
        if array.dtype != np.float64 or not np.isfinite(array).all():
            raise ValueError(f"{path}: {name} is {array.dtype}; expected float64, finite")
    return arrays["m"], arrays["P"]


def whitening_sha256(folder: Path) -> str | None:
    """Which whitening a folder holds, None for none."""
    path = Path(folder) / FILENAME
    return file_sha256(path) if path.exists() else None


def owned_whitening(folder: DescriptorFolder) -> tuple[np.ndarray, np.ndarray] | None:
    """m `(D,)` and P `(D, D)` of a network that owns its whitening, None of others.

    Raises ValueError for another whitening than provenance.json names, and for one of another dimension.
    """
    found, named = whitening_sha256(folder.folder), folder.network.get("whitening")
    if found != named:
        raise ValueError(f"{folder.folder}: provenance.json names whitening {named}, in whitening.npz is {found}")
    whitening = read_whitening(folder.folder)
    if whitening is not None and len(whitening[0]) != folder.network["dimension"]:
        dimension = folder.network["dimension"]
        raise ValueError(f"{folder.folder}: the whitening is of dimension {len(whitening[0])}, the rows of {dimension}")
    return whitening
