"""Seals: sha256 digests by which a reader notices that a file is not what was written.

A JSON file carries its own as its last entry, a text file as its last line; an array's stands in its folder's
provenance.json, that of tensors in their file. DVC looks at a file's time and size only, and never again into its own
cache. Seals find damage, no forgery.
"""

import hashlib
import io
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


def seal_lines(path: Path) -> None:
    """Add to a text file its seal, as a last line."""
    line = f"# {SEAL} {file_sha256(path)}\n"
    with open(path, "a", encoding="utf-8") as file:
        file.write(line)


def open_sealed_lines(path: Path) -> io.TextIOWrapper:
    """The lines of a text file that `seal_lines` has sealed, without the seal; line ends as they stand there.

    Raises ValueError naming the file for anything else.
    """
    lines = Path(path).read_bytes()
    end = lines.rfind(b"\n", 0, -1) + 1
    content, last = lines[:end], lines[end:]
    if last != f"# {SEAL} {hashlib.sha256(content).hexdigest()}\n".encode():
        raise damaged(path, "its last line is not the sha256 of those before")
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")


def damaged(path: Path, why: str) -> ValueError:
    """The error for a file that is not what was written: what is wrong with it, and what repairs it."""
    return ValueError(
        f"{path} is damaged: {why}; remove it, run `python -m stages.verify`, which takes damaged files out of DVC's "
        "cache, then `dvc repro`, which makes them again"
    )


def _sha256(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, allow_nan=False).encode()).hexdigest()
