"""Replaces one stage's entry in the text of a dvc.lock, with the bytes that DVC writes.

DVC parses all of a dvc.lock and writes all of it anew after each stage, by a round trip
in pure Python. Where the text is in DVC's own form, an entry's lines do not depend on
what stands around them, and only they need be written.
"""

from __future__ import annotations  # for Python 3.9, which DVC supports

import re
from typing import Any

from dvc.utils.serialize import YAMLError, dumps_yaml, parse_yaml

STAGES = re.compile(r"^stages:\n", re.MULTILINE)
ENTRY_OR_END = re.compile(r"^(?:  )?\S", re.MULTILINE)
END = re.compile(r"^\S", re.MULTILINE)
PLAIN = re.compile(r"  [A-Za-z_][^\n]*:\n")  # other names may take several lines
ALIAS = re.compile(r"(?:[:-]|^) +[&*]id\d", re.MULTILINE)  # numbered over all entries


def is_own_form(text: str) -> bool:
    """Whether DVC writes the contents of this text as they are: no comment, no layout
    of somebody else's."""
    try:
        data = parse_yaml(text, "dvc.lock")
    except YAMLError:
        return False
    return not ALIAS.search(text) and dumps_yaml(data) == text


def spliced(text: str, name: str, entry: dict[str, Any] | None) -> str | None:
    """A text in DVC's own form with this entry for a stage, or without the stage for
    None.

    Returns None where the lines to replace cannot be told: an odd name, the last stage.
    """
    new = dumps_yaml({"stages": {name: entry}}).partition("\n")[2]
    header = new[: new.find("\n") + 1]
    section = STAGES.search(text)
    if not section or not PLAIN.fullmatch(header) or ALIAS.search(new):
        return None
    begin = section.end()
    end = _start(END, text, begin)
    line = re.compile(f"^{re.escape(header[:-1])}(?=\\s)", re.MULTILINE)
    found = line.search(text, begin, end)
    if found and not text.startswith(header, found.start()):
        return None
    old = found.start() if found else end
    following = _start(ENTRY_OR_END, text, found.end()) if found else end
    result = text[:old] + (new if entry is not None else "") + text[following:]
    return result if result.startswith("  ", begin) else None


def _start(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.search(text, position)
    return found.start() if found else len(text)
