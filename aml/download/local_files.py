"""Files at places on this machine: which they are, and whether a copy is still what stands there."""

import os
import shutil
import urllib.parse
import urllib.request
from pathlib import Path

from aml.download.checks import START_BYTES, Refusal, check_length, check_space, check_start
from aml.files.digests import file_sha256


def local_path(source: str) -> Path | None:
    """The file that a source names on this machine; None for a source on the web. Raises Refusal for any other."""
    scheme = urllib.parse.urlsplit(source).scheme if "://" in source else ""
    if scheme in ("http", "https"):
        return None
    if scheme not in ("file", ""):
        raise Refusal(f"unknown scheme {scheme!r}; accepted are http, https, file and local paths")
    path = urllib.request.url2pathname(urllib.parse.urlsplit(source).path) if scheme else source
    return Path(path).expanduser()


def present(sources: list[str]) -> Path | None:
    """The first of these places that is a file on this machine, None where there is none."""
    for source in sources:
        try:
            path = local_path(source)
        except Refusal:
            continue
        if path is not None and path.is_file():
            return path
    return None


def copy(path: Path, part: Path, *, expected_bytes: int | None, magic: bytes) -> None:
    """Copies a file and its time. Raises Refusal for what is not the file, ValueError for a full disk."""
    if path.is_dir():
        file = part.name.removesuffix(".part")
        raise Refusal(f"a folder; pack it (tar -czf {file} -C {path} .) and name the archive")
    if not path.is_file():
        raise Refusal("no such file")
    check_length(path.stat().st_size, expected_bytes)
    with open(path, "rb") as file:
        check_start(file.read(START_BYTES), magic)
    check_space(part.parent, path.stat().st_size)
    shutil.copyfile(path, part)
    times = path.stat()
    os.utime(part, ns=(times.st_atime_ns, times.st_mtime_ns))


def is_copy(path: Path, of: Path) -> bool:
    """Whether a file has the size of another and its time or, at another time, its sha256."""
    first, second = path.stat(), of.stat()
    if first.st_size != second.st_size:
        return False
    return first.st_mtime_ns == second.st_mtime_ns or file_sha256(path) == file_sha256(of)
