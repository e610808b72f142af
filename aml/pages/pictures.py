"""Pictures as a page holds them: in its own text, as data: URIs. Torch-free."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg"}
FIELDS = {"file", "title", "caption"}
PART = "part"  # a field that may be there


@dataclass(frozen=True)
class Picture:
    uri: str
    title: str
    caption: str
    part: str = ""  # the test set that it shows alone, "" where it shows all that there is


def picture(path: Path, title: str, caption: str, part: str = "") -> Picture:
    """Raises ValueError for a file that is none of TYPES."""
    if path.suffix not in TYPES:
        raise ValueError(f"{path} is no picture for a page; accepted: {', '.join(TYPES)}")
    uri = f"data:{TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return Picture(uri, title, caption, part)


def listed(index: Path) -> list[Picture]:
    """Those that a JSON list names by FIELDS, beside it, in its order. Raises ValueError for another list."""
    entries = json.loads(index.read_text(encoding="utf-8"))
    for entry in entries:
        if set(entry) - {PART} != FIELDS:
            raise ValueError(f"{index}: an entry has {', '.join(entry)}; accepted: {', '.join(sorted(FIELDS))}, {PART}")
    return [picture(index.parent / entry.pop("file"), **entry) for entry in entries]
