"""Pictures that are part of a page's own text, as data: URIs."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg"}
FIELDS = {"file", "title", "caption"}
PART = "part"  # an optional field


@dataclass(frozen=True)
class Picture:
    uri: str
    title: str
    caption: str
    part: str = ""  # label of the only test set that it shows, "" if it shows all


def picture(path: Path, title: str, caption: str, part: str = "") -> Picture:
    """Read an image file. Raises ValueError unless it is one of TYPES."""
    if path.suffix not in TYPES:
        raise ValueError(f"{path} can't be shown on the page; accepted: {', '.join(TYPES)}")
    uri = f"data:{TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return Picture(uri, title, caption, part)


def listed(index: Path) -> list[Picture]:
    """Read the pictures beside a JSON list of FIELDS, in its order. Raises ValueError for other fields."""
    entries = json.loads(index.read_text(encoding="utf-8"))
    for entry in entries:
        if set(entry) - {PART} != FIELDS:
            raise ValueError(f"{index}: an entry has {', '.join(entry)}; accepted: {', '.join(sorted(FIELDS))}, {PART}")
    return [picture(index.parent / entry.pop("file"), **entry) for entry in entries]
