"""Read JSON and npz files, with one error for those that are damaged."""

import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def read_json(path: Path, *keys: str) -> dict:
    """Read the object in a JSON file, which must have `keys`. Raises ValueError naming the file where it has not."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        missing = [key for key in keys if key not in content]
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged(path, f"it is not a JSON object ({error})") from None
    if not isinstance(content, dict) or missing:
        raise damaged(path, f"it is not a JSON object with {', '.join(keys) or 'any keys'}")
    return content


def read_npz(path: Path) -> dict[str, "np.ndarray"]:
    """All arrays of an npz file by name. Raises ValueError naming the file where its checksums do not match."""
    import numpy as np  # late: the tables are written without it

    errors = (OSError, ValueError, EOFError, AttributeError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error)
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except errors as error:
        raise damaged(path, f"it is not a readable npz file ({error})") from None


def damaged(path: Path, why: str) -> ValueError:
    """The error for a file that is not what was written: what is wrong with it, and what repairs it."""
    return ValueError(
        f"{path} is damaged: {why}; run `python -m tools.repair --verify`, which removes it here and from DVC's cache, "
        "then `dvc repro`, which makes it again"
    )
