"""One request over HTTP: a file comes whole, or goes on where a part of it stopped."""

import errno
import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

from aml.download.checks import START_BYTES, Interruption, Misfit, Refusal, check_length, check_space, check_start
from aml.files.atomic import write_json

_CHUNK_BYTES = 1 << 20
_WORTH_RETRYING = (408, 425, 429, 500, 502, 503, 504)
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "aml"}


def download(url: str, part: Path, *, expected_bytes: int | None, magic: bytes, stall_s: float):
    """What arrives is appended to `part`, and a note beside it says what it is part of.

    Raises Refusal, Interruption and Misfit; ValueError for a full disk.
    """
    note = _read_note(part, url)
    start = part.stat().st_size if note else 0
    if note and note["bytes"] == start:
        return
    headers = dict(_HEADERS)
    if start:
        headers["Range"] = f"bytes={start}-"
        if note["version"]:
            headers["If-Range"] = note["version"]  # the server then starts over by itself if the file has changed
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=stall_s) as response:
            start, total = _agreed(response, start, note, expected_bytes)
            first = b""
            if not start:
                first = response.read(START_BYTES)
                if len(first) < min(START_BYTES, total or 0):
                    raise Interruption(f"the connection closed after {len(first)} of {total} bytes")
                check_start(first, magic)
                forget(part)
                write_json(_note(part), {"url": url, "version": _version(response), "bytes": total})
            check_space(part.parent, (total or 0) - start)
            _receive(response, part, first, start, total)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            raise Misfit("the server has nothing behind the part that is here") from None
        problem = f"the server answers {error.code} {error.reason}"
        raise (Interruption if error.code in _WORTH_RETRYING else Refusal)(problem) from None
    except (OSError, http.client.HTTPException) as error:  # TimeoutError and URLError are OSErrors
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise ValueError(f"no space left for {part}") from None
        raise Interruption(str(error) or type(error).__name__) from None


def stated_length(url: str, *, stall_s: float) -> int | None:
    """How many bytes the server says the file has; None where it does not say, or not now."""
    request = urllib.request.Request(url, headers=_HEADERS, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=stall_s) as response:
            return _length(response)
    except (OSError, http.client.HTTPException):  # an HTTPError is an OSError
        return None


def forget(part: Path):
    """Removes a part and the note beside it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _agreed(response, start, note, expected_bytes):
    """Where the answer starts in the file, and the file's length (None where the server does not say)."""
    total = _length(response)
    if response.status == 206:
        span, _, whole = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        total = int(whole) if whole.isdigit() else None
        if span.split("-")[0] != str(start) or total != note["bytes"]:
            raise Misfit("the server sends another range than the one asked for")
    elif response.status == 200:
        start = 0
    else:
        raise Refusal(f"the server answers {response.status}")
    if total is not None:
        check_length(total, expected_bytes)
    return start, total


def _receive(response, part, first, start, total):
    name = part.name.removesuffix(".part")
    with (
        open(part, "ab") as file,
        tqdm(total=total, initial=start, desc=name, unit="B", unit_scale=True, disable=None) as progress,
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
        raise Misfit(f"{size} bytes came where {total} were announced")


def _length(response):
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _version(response):
    tag = response.headers.get("ETag", "")
    return response.headers.get("Last-Modified") if not tag or tag.startswith("W/") else tag


def _note(part):
    return part.with_name(part.name + ".json")


def _read_note(part, url):
    """What the note says of `part`, {} where there is none or it is of another source."""
    try:
        note = json.loads(_note(part).read_text(encoding="utf-8"))
        return note if part.exists() and note["url"] == url and {"version", "bytes"} <= set(note) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
