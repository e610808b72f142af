"""npz files, read: arrays by name, of numbers only."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from aml.storage.seals import damaged


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file. Raises ValueError naming it where it isn't whole."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (
        OSError,
        ValueError,
        EOFError,
        AttributeError,
        LookupError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise damaged(path, f"it is no readable npz file ({error})") from None
