"""Read zip archives without unpacking anything to disk; the size of their table of contents, read whole, is limited."""

import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

ERRORS = (zipfile.BadZipFile, NotImplementedError, RuntimeError, struct.error)  # what zipfile raises, besides OSError
_END, _END_BYTES, _MAX_COMMENT = b"PK\5\6", 22, 1 << 16
_MAX_TABLE_BYTES = 16 << 20  # Python takes ten times that for it
_UTF8, _ENCRYPTED = 0x800, 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile unpacks others without a bound


class Member(NamedTuple):
    """A file, folder or link, as the table describes it."""

    name: str
    is_plain: bool  # a file or a folder
    is_folder: bool
    read: Callable[[int], bytes]  # reads at most so many bytes; raises ValueError, OSError, EOFError, ERRORS


def members(path: Path) -> Iterator[Member]:
    """Yield the members in the order of the table. Raises ValueError and ERRORS."""
    _check_table(path)
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 on Windows
            is_plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
            yield Member(_name(info), is_plain, info.is_dir(), partial(_read, archive, info))


def _read(archive, info, max_bytes):
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        raise ValueError("it is encrypted, or compressed in another way than by deflate")
    if info.file_size > max_bytes:
        raise ValueError(f"it has {info.file_size} bytes, at most {max_bytes} are accepted")
    return archive.read(info)  # at most file_size bytes, whose checksum it compares


def _name(info):
    """The name of a member: a Mac writes UTF-8 without saying so, which zipfile reads as cp437."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _check_table(path):
    """Raises ValueError for a table of contents that is missing or too large."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        start = file.seek(max(0, size - _END_BYTES - _MAX_COMMENT))
        tail = file.read()
    at = tail.rfind(_END)
    end = tail[at:] if at >= 0 else b""
    if len(end) < _END_BYTES or _END_BYTES + struct.unpack("<H", end[20:22])[0] != len(end):
        raise ValueError("it is cut off, or no zip archive")
    table_bytes, table_start = struct.unpack("<II", end[12:20])
    if table_bytes > _MAX_TABLE_BYTES or table_start > start + at:
        raise ValueError("it has over 4 GB or very many files; pack those as .tar")
