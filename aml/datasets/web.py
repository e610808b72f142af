"""Files from the web or from a local copy: resumed, checked, and under their name only when they are whole."""

import errno
import hashlib
import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from tqdm import tqdm

from aml.storage.files import write_json

GZIP = b"\x1f\x8b"
_CHUNK_BYTES = 1 << 20
_START_BYTES = 512
_SPARE_BYTES = 256 << 20  # left free on the disk
_WORTH_RETRYING = (408, 425, 429, 500, 502, 503, 504)


class _Refusal(Exception):  # noqa: N818 (they never leave this file)
    """This source does not have the file: another may."""


class _Interruption(Exception):  # noqa: N818
    """The transfer broke off: trying again may help."""


class _Misfit(_Interruption):
    """The part that is here does not fit the file there."""


def fetch(
    sources: list[str],
    destination,
    *,
    digests,
    expected_bytes: int | None = None,
    magic: bytes = b"",
    num_attempts: int = 5,
    pause_s: float = 5.0,
    stall_s: float = 60.0,
) -> str:
    """Brings one file to `destination` and gives its sha256 (hex). A file that is there already is only checked.

    sources: http(s) and file URLs or local paths, tried in this order; a copy already downloaded in part goes on where
    it stopped if the server can. num_attempts: how often in a row a source may break off without getting further, with
    pauses of pause_s, 2 pause_s, 4 pause_s, ... seconds; stall_s: seconds without a byte that count as breaking off.
    magic: the first bytes the file must have. digests: JSON file {name: {"sha256", "bytes", "source"}}; the first
    download of a name is entered there, every later one must equal it.
    Raises ValueError where no source gives the file (each with its reason; a part is kept for the next run), and where
    it differs from what is known of it (it is kept beside `destination` and not downloaded again).
    """
    destination, digests = Path(destination), Path(digests)
    refused = destination.with_name(destination.name + ".refused")
    if refused.exists():
        raise ValueError(
            f"{refused} was refused earlier, since it differs from its entry in {digests}. Remove it to download "
            "again, or remove the entry as well to accept what comes"
        )
    if destination.exists():
        return _accept(destination, destination, "found in place", refused, digests, expected_bytes, magic)
    destination.parent.mkdir(parents=True, exist_ok=True)
    part, reasons = destination.with_name(destination.name + ".part"), []
    for source in sources:
        try:
            _bring(source, part, expected_bytes, magic, num_attempts, pause_s, stall_s)
        except (_Refusal, _Interruption) as error:
            reasons.append(f"{source}: {error}")
            continue
        return _accept(part, destination, source, refused, digests, expected_bytes, magic)
    raise ValueError(
        f"{destination.name} could not be had:\n  "
        + "\n  ".join(reasons or ["no source is given"])
        + f"\nGet it by other means and put it at {destination}, or give its local path as the source."
    )


def _bring(source, part, expected_bytes, magic, num_attempts, pause_s, stall_s):
    scheme = urllib.parse.urlsplit(source).scheme if "://" in source else ""
    if scheme not in ("http", "https", "file", ""):
        raise _Refusal(f"unknown scheme {scheme!r}; accepted are http, https, file and local paths")
    if scheme in ("file", ""):
        path = urllib.request.url2pathname(urllib.parse.urlsplit(source).path) if scheme else source
        return _copy(Path(path).expanduser(), part, expected_bytes, magic)
    failures, best = 0, -1
    while True:
        try:
            return _download(source, part, expected_bytes, magic, stall_s)
        except _Interruption as error:
            if isinstance(error, _Misfit):
                _forget(part)
            reached = part.stat().st_size if part.exists() else 0
            failures = 1 if reached > best >= 0 else failures + 1
            best = max(best, reached)
            if failures >= num_attempts:
                raise _Interruption(f"{error} ({num_attempts} attempts)") from None
        time.sleep(pause_s * 2 ** (failures - 1))


def _copy(path, part, expected_bytes, magic):
    if not path.is_file():
        raise _Refusal("no such file")
    _check_length(path.stat().st_size, expected_bytes)
    with open(path, "rb") as file:
        _check_start(file.read(_START_BYTES), magic)
    _forget(part)
    _check_space(part, path.stat().st_size)
    shutil.copyfile(path, part)


def _download(url, part, expected_bytes, magic, stall_s):
    """One request; what arrives is appended to `part`, and a note beside it says what it is part of."""
    note = _read_note(part, url)
    start = part.stat().st_size if note else 0
    if note and note["bytes"] == start:
        return
    headers = {"Accept-Encoding": "identity", "User-Agent": "aml"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if note["version"]:
            headers["If-Range"] = note["version"]  # the server then starts over by itself if the file has changed
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=stall_s) as response:
            start, total = _agreed(response, start, note, expected_bytes)
            first = b""
            if not start:
                first = response.read(_START_BYTES)
                if len(first) < min(_START_BYTES, total or 0):
                    raise _Interruption(f"the connection closed after {len(first)} of {total} bytes")
                _check_start(first, magic)
                _forget(part)
                write_json(_note(part), {"url": url, "version": _version(response), "bytes": total})
            _check_space(part, (total or 0) - start)
            _receive(response, part, first, start, total)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            raise _Misfit("the server has nothing behind the part that is here") from None
        problem = f"the server answers {error.code} {error.reason}"
        raise (_Interruption if error.code in _WORTH_RETRYING else _Refusal)(problem) from None
    except (OSError, http.client.HTTPException) as error:  # TimeoutError and URLError are OSErrors
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise ValueError(f"no space left for {part}") from None
        raise _Interruption(str(error) or type(error).__name__) from None


def _agreed(response, start, note, expected_bytes):
    """Where the answer starts in the file, and the file's length (None where the server does not say)."""
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdigit() else None
    if response.status == 206:
        span, _, whole = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        total = int(whole) if whole.isdigit() else None
        if span.split("-")[0] != str(start) or total != note["bytes"]:
            raise _Misfit("the server sends another range than the one asked for")
    elif response.status == 200:
        start = 0
    else:
        raise _Refusal(f"the server answers {response.status}")
    if total is not None:
        _check_length(total, expected_bytes)
    return start, total


def _receive(response, part, first, start, total):
    with (
        open(part, "ab") as file,
        tqdm(total=total, initial=start, unit="B", unit_scale=True, disable=None) as progress,
    ):
        file.write(first)
        progress.update(len(first))
        while chunk := response.read1(_CHUNK_BYTES):
            file.write(chunk)
            progress.update(len(chunk))
        size = file.tell()
    if total is not None and size < total:
        raise _Interruption(f"the connection closed after {size} of {total} bytes")
    if total is not None and size > total:
        raise _Misfit(f"{size} bytes came where {total} were announced")


def _accept(file, destination, source, refused, digests, expected_bytes, magic):
    """Checks the whole file against what is known, notes its digest at the first time, gives it its name."""
    try:
        _check_length(file.stat().st_size, expected_bytes)
        with open(file, "rb") as content:
            _check_start(content.read(_START_BYTES), magic)
            content.seek(0)
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    except _Refusal as error:
        raise ValueError(f"{file}: {error}") from None
    known = json.loads(digests.read_text(encoding="utf-8")) if digests.exists() else {}
    entry = known.get(destination.name)
    if entry is None:
        known[destination.name] = {"sha256": sha256, "bytes": file.stat().st_size, "source": source}
        write_json(digests, dict(sorted(known.items())))
    elif entry["sha256"] != sha256:
        kept = file if file == destination else file.replace(refused)
        _forget(destination.with_name(destination.name + ".part"))
        raise ValueError(
            f"{destination.name} from {source} has sha256 {sha256}, expected is {entry['sha256']} as {digests} "
            f"noted for the copy from {entry['source']}. What came is kept as {kept}"
        )
    if file != destination:
        with open(file, "rb+") as content:
            os.fsync(content.fileno())
        file.replace(destination)
        _forget(file)
    return sha256


def _check_length(num_bytes, expected_bytes):
    if num_bytes == 0:
        raise _Refusal("an empty file")
    if expected_bytes is not None and num_bytes != expected_bytes:
        raise _Refusal(f"{num_bytes} bytes, expected are {expected_bytes}")


def _check_start(first, magic):
    if not first:
        raise _Refusal("an empty file")
    if not first.startswith(magic):
        is_page = first.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))
        raise _Refusal(f"{'a web page' if is_page else 'it starts with'} {first[:16]!r}, expected is a start {magic!r}")


def _check_space(part, num_bytes):
    free = shutil.disk_usage(part.parent).free
    if free < num_bytes + _SPARE_BYTES:
        raise ValueError(f"{part.parent} has {free} bytes free, {num_bytes} (and {_SPARE_BYTES} to spare) are needed")


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


def _forget(part):
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)
