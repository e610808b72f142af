"""The authors' files, fetched: each network's checkpoint and whitening."""

import re
import urllib.parse
from pathlib import Path, PurePosixPath

from aml.download.fetch import fetch
from aml.params.pretrained import NetworkFiles

_DIGITS = re.compile(r"-([0-9a-f]{7,64})\.pth$")


def bring_network(names: NetworkFiles, places: list[str], folder: Path, *, digests: Path) -> tuple[Path, Path | None]:
    """Checkpoint and whitening in `folder`; places: URLs and local folders, tried in this order. Raises ValueError as
    `fetch` does."""

    def brought(name: str) -> Path:
        return bring(name, [f"{place.rstrip('/')}/{name}" for place in places], folder, digests=digests)

    return brought(names.checkpoint), names.whitening and brought(names.whitening)


def bring_teacher(places: list[str], folder: Path, *, digests: Path) -> Path:
    """A teacher's file in `folder`; places: URLs and local paths, the first of which names it."""
    name = PurePosixPath(urllib.parse.urlsplit(places[0]).path).name
    return bring(name, places, folder, digests=digests)


def bring(name: str, sources: list[str], folder: Path, *, digests: Path) -> Path:
    """One file; where its name ends in digits, its sha256 must start with them."""
    digits = _DIGITS.search(name)
    fetch(sources, folder / name, digests=digests, sha256_start=digits[1] if digits else "")
    return folder / name
