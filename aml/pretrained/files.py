"""Fetch the authors' files."""

import re
from pathlib import Path

from aml.download.fetch import fetch

_DIGITS = re.compile(r"-([0-9a-f]{7,64})\.pth$")


def bring(name: str, places: list[str], folder: Path, *, digests: Path) -> Path:
    """Fetch the file `name` into `folder` from the first of `places`, URLs and local folders, that has it.

    Where its name ends in digits, its sha256 must start with them. Raises ValueError as `fetch` does.
    """
    digits = _DIGITS.search(name)
    sources = [f"{place.rstrip('/')}/{name}" for place in places]
    fetch(sources, folder / name, digests=digests, sha256_start=digits[1] if digits else "")
    return folder / name
