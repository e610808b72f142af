"""Copy one file from a URL or a path into a part: one request or copy, and checks of what comes; nothing is tried
again.

A download continues where the part stopped. A note beside the part says to which file it belongs.
"""

import errno
import http.client
import json
import os
import shutil
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from tqdm import tqdm

from aml.files.atomic import require_room, write_json

GZIP = b"\x1f\x8b"
# how a file of such a name starts
MAGIC = {".tgz": GZIP, ".tar.gz": GZIP, ".tar.bz2": b"BZh", ".tar.xz": b"\xfd7zXZ\x00", ".zip": b"PK"}
START_BYTES = 512  # enough to tell an archive from a web page
SPARE_BYTES = 256 << 20  # left free on the disk
STALL_S = 60.0  # without a byte: the connection has broken off
_CHUNK_BYTES = 1 << 20
_WORTH_RETRYING = (408, 425, 429, 500, 502, 503, 504)


class Refusal(Exception):  # noqa: N818 (only aml.download sees them)
    """The source does not have the file; another source may."""


class Interruption(Exception):  # noqa: N818
    """The transfer broke off; trying again may help."""


def check_start(first: bytes, name: str) -> None:
    """Raise Refusal for a web page, for an empty file, and for one that does not start as MAGIC says of its name."""
    magic = next((magic for suffix, magic in MAGIC.items() if name.endswith(suffix)), b"")
    if not first:
        raise Refusal("an empty file")
    is_page = first.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))
    if is_page or not first.startswith(magic):
        expected = f", expected is a start {magic!r}" if magic else ""
        raise Refusal(f"{'a web page' if is_page else 'it starts with'} {first[:16]!r}{expected}")


def local_path(source: str) -> Path | None:
    """Return the file that a source names on this machine; None for a source elsewhere."""
    scheme, separator, _ = source.partition("://")
    if not separator:
        return Path(source).expanduser()
    return Path(urllib.request.url2pathname(urllib.parse.urlsplit(source).path)) if scheme.lower() == "file" else None


def present(sources: list[str]) -> Path | None:
    """Return the first of these sources that is a file or folder on this machine, or None."""
    paths = map(local_path, sources)
    return next((path for path in paths if path is not None and path.exists()), None)


def copy(path: Path, part: Path) -> None:
    """Copy a file, or pack a folder. Raises Refusal for another file, OSError for a full disk."""
    if path.is_dir():
        if not part.name.endswith(".tar.part"):
            raise Refusal(f"a folder; give it to a source whose file ends in .tar, or pack it as {part.stem}")
        pack_folder(path, part)
        return
    if not path.is_file():
        raise Refusal("no such file")
    with open(path, "rb") as file:
        check_start(file.read(START_BYTES), part.stem)
    require_room(part.parent, path.stat().st_size + SPARE_BYTES)
    shutil.copyfile(path, part)


def pack_folder(folder: Path, part: Path) -> None:
    """Pack the files of a folder and its subfolders as a tar that depends on their paths and bytes alone. Hidden files
    are left out, links to files followed. Raises Refusal for a folder without files, OSError for a full disk."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    shown = [path for path in files if not any(x.startswith(".") for x in path.relative_to(folder).parts)]
    if not shown:
        raise Refusal("an empty folder")
    require_room(part.parent, sum(path.stat().st_size for path in shown) + SPARE_BYTES)
    try:
        with tarfile.open(part, "w", format=tarfile.GNU_FORMAT) as tar:
            for path in shown:
                member = tarfile.TarInfo(path.relative_to(folder).as_posix())  # time, owner and group stay 0
                with open(path, "rb") as file:
                    member.size = os.fstat(file.fileno()).st_size
                    tar.addfile(member, file)
    except OSError as error:
        raise Refusal(f"{path}: {error}") from None


def download(url: str, part: Path, *, expected_bytes: int | None) -> None:
    """Append what arrives to `part`; a note beside it says which file it is part of.

    Raises Refusal, Interruption (a part that does not belong to the file there is removed), and OSError for a full
    disk.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "aml"})
    if request.type not in ("http", "https"):
        raise Refusal(f"unknown scheme {request.type!r}; accepted are http, https, file and local paths")
    note = _read_note(part, url)
    start = part.stat().st_size if note else 0
    if note and note["bytes"] == start:
        return
    if start:
        request.add_header("Range", f"bytes={start}-")
        if note["version"]:
            request.add_header("If-Range", note["version"])  # if the file has changed, the server starts over by itself
    try:
        with urllib.request.urlopen(request, timeout=STALL_S) as response:
            start, total = _agreed(response, part, start, note, expected_bytes)
            first = b""
            if not start:
                first = response.read(START_BYTES)
                if len(first) < min(START_BYTES, total or 0):
                    raise Interruption(f"the connection closed after {len(first)} of {total} bytes")
                check_start(first, part.stem)
                forget(part)
                write_json(_note(part), {"url": url, "version": _version(response), "bytes": total})
            require_room(part.parent, (total or 0) - start + SPARE_BYTES)
            _receive(response, part, first, start, total)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            raise _misfit(part, "the file there is shorter than the part that is here") from None
        problem = f"the server answers {error.code} {error.reason}"
        raise (Interruption if error.code in _WORTH_RETRYING else Refusal)(problem) from None
    except (OSError, http.client.HTTPException) as error:  # TimeoutError and URLError are OSErrors
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise
        raise Interruption(str(error) or type(error).__name__) from None


def forget(part: Path):
    """Remove a part and the note beside it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _misfit(part, problem):
    """Return the error for a part that does not belong to the file at the source, and remove the part."""
    forget(part)
    return Interruption(problem)


def _agreed(response, part, start, note, expected_bytes):
    """Return the position in the file where the answer starts, and the file's length (None if the server does not
    say)."""
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdigit() else None
    if response.status == 206:
        span, _, whole = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        total = int(whole) if whole.isdigit() else None
        if span.split("-")[0] != str(start) or total != note["bytes"]:
            raise _misfit(part, "the server sends another range than the one asked for")
    else:
        start = 0
    if expected_bytes is not None and total not in (None, expected_bytes):
        raise Refusal(f"{total} bytes, expected are {expected_bytes}")
    return start, total


def _receive(response, part, first, start, total):
    with (
        open(part, "ab") as file,
        tqdm(total=total, initial=start, desc=part.stem, unit="B", unit_scale=True, disable=None) as progress,
    ):
        file.write(first)
        progress.update(len(first))
        while chunk := response.read1(_CHUNK_BYTES):
            file.write(chunk)
            progress.update(len(chunk))
        size = file.tell()
    if total is not None and size < total:
        raise Interruption(f"the connection closed after {size} of {total} bytes")
    if total is not None and size > total:
        raise _misfit(part, f"{size} bytes came where {total} were announced")


def _version(response):
    tag = response.headers.get("ETag", "")
    return response.headers.get("Last-Modified") if not tag or tag.startswith("W/") else tag


def _note(part):
    return part.with_name(part.name + ".json")


def _read_note(part, url):
    """Return the note of `part`; {} if there is none or it is about another source."""
    if not (part.exists() and _note(part).exists()):
        return {}
    note = json.loads(_note(part).read_text(encoding="utf-8"))
    return note if note["url"] == url else {}
