"""Fetch files of weights."""

import re
from pathlib import Path

from aml.download.fetch import fetch

_DIGITS = re.compile(r"-([0-9a-f]{7,64})\.\w+$")  # as torch.hub and the authors name files


def bring(name: str, sources: list[str], folder: Path, *, digests: Path) -> Path:
    """Fetch the file `name` into `folder` from the first of `sources`, URLs and local paths, that has it.

    Where its name ends in digits, its sha256 must start with them. Raises ValueError as `fetch` does.
    """
    digits = _DIGITS.search(name)
    fetch(sources, folder / name, digests=digests, sha256_start=digits[1] if digits else "")
    return folder / name
