"""Seals: sha256 digests by which a reader notices that a file is not what was written.

A JSON file carries its own as its last entry, an array's stands in its folder's provenance.json, that of tensors in
their file. DVC looks at a file's time and size only, and never again into its own cache. Seals find damage, no forgery.
"""

import hashlib
import json
from pathlib import Path

from aml.storage.files import write_json

SEAL = "sha256"


def file_sha256(path: Path) -> str:
    """sha256 (hex) of a file's bytes, 1 to 2 GB a second where the processor has instructions for it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sealed(path: Path, content: dict) -> None:
    """Write `content` as JSON, and its seal. Raises ValueError for NaN and infinities."""
    write_json(path, {**content, SEAL: _sha256(content)})


def read_sealed(path: Path) -> dict:
    """What `write_sealed` wrote. Raises ValueError naming the file for anything else."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        seal = content.pop(SEAL)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(path, f"it is no sealed JSON file ({error!r})") from None
    if seal != _sha256(content):
        raise damaged(path, f"its contents have another sha256 than the {str(seal)[:12]} that was noted")
    return content


def damaged(path: Path, why: str) -> ValueError:
    """The error for a file that is not what was written: what is wrong with it, and what repairs it."""
    return ValueError(
        f"{path} is damaged: {why}; remove it, run `python -m stages.verify`, which takes damaged files out of DVC's "
        "cache, then `dvc repro`, which makes them again"
    )


def _sha256(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, allow_nan=False).encode()).hexdigest()
