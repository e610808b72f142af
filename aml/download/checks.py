"""What a source may be refused for, and what each file is checked for before it is believed."""

import json
import shutil
import threading
from pathlib import Path

from aml.files.atomic import write_json

GZIP = b"\x1f\x8b"
FOUND, LOCAL = "found in place", "a local place"  # where a file came from, besides URLs
START_BYTES = 512  # enough to tell an archive from a web page
_SPARE_BYTES = 256 << 20  # left free on the disk
_ENTERING = threading.Lock()  # downloads run side by side and share one file of digests


class Refusal(Exception):  # noqa: N818 (they never leave this room)
    """This source does not have the file: another may."""


class Interruption(Exception):  # noqa: N818
    """The transfer broke off: trying again may help."""


class Misfit(Interruption):
    """The part that is here does not fit the file there."""


def check_length(num_bytes: int, expected_bytes: int | None):
    """Raises Refusal for an empty file and for another length than expected."""
    if num_bytes == 0:
        raise Refusal("an empty file")
    if expected_bytes is not None and num_bytes != expected_bytes:
        raise Refusal(f"{num_bytes} bytes, expected are {expected_bytes}")


def check_start(first: bytes, magic: bytes):
    """Raises Refusal for a web page, for an empty file, and for one that does not start with `magic`."""
    if not first:
        raise Refusal("an empty file")
    is_page = first.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))
    if is_page or not first.startswith(magic):
        expected = f", expected is a start {magic!r}" if magic else ""
        raise Refusal(f"{'a web page' if is_page else 'it starts with'} {first[:16]!r}{expected}")


def check_space(folder: Path, num_bytes: int):
    """Raises ValueError where the disk of `folder` has no room for so many more bytes."""
    free = shutil.disk_usage(folder).free
    if free < num_bytes + _SPARE_BYTES:
        raise ValueError(f"{folder} has {free} bytes free, {num_bytes} (and {_SPARE_BYTES} to spare) are needed")


def known_files(digests: Path) -> dict[str, dict]:
    """File name -> {"sha256", "bytes", "source"}, as the first download of each noted it."""
    return json.loads(digests.read_text(encoding="utf-8")) if digests.exists() else {}


def entered(digests: Path, name: str, entry: dict) -> dict:
    """What `digests` knows of the file `name`. It is `entry` itself, from now on, where nothing was known, and where a
    local place gives another file than before: one's own files may be corrected."""
    with _ENTERING:
        known = known_files(digests)
        earlier = known.get(name, entry)
        is_corrected = entry["source"] == LOCAL and is_local(earlier["source"]) and earlier != entry
        if name in known and not is_corrected:
            return earlier
        write_json(digests, dict(sorted({**known, name: entry}.items())))
        return entry


def is_local(noted: str) -> bool:
    """Whether a file came from this machine: LOCAL, FOUND, or the path itself, as it used to be noted."""
    return not noted.startswith(("http://", "https://"))
