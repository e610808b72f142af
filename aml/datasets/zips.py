"""Zip archives, read without unpacking anything to disk. Their table of contents, at their end, is read whole, so that
it has a limit."""

import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ERRORS = (zipfile.BadZipFile, NotImplementedError, RuntimeError, struct.error)  # what zipfile raises, besides OSError
_END, _END_BYTES, _MAX_COMMENT = b"PK\5\6", 22, 1 << 16
_MAX_TABLE_BYTES = 16 << 20  # Python takes ten times that for it
_UTF8, _ENCRYPTED = 0x800, 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of others zipfile unpacks without a bound


@dataclass(frozen=True)
class Member:
    """What the table says of one file, folder or link."""

    name: str
    is_plain: bool  # a file or a folder
    is_folder: bool
    read: Callable[
        [int], bytes
    ]  # its bytes, of which there may be so many; raises ValueError, OSError, EOFError, ERRORS


def members(path: Path) -> Iterator[Member]:
    """In the order of the table. Raises ValueError and ERRORS."""
    _check_table(path)
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16  # 0 on Windows
            is_plain = not stat.S_IFMT(mode) or stat.S_ISREG(mode) or stat.S_ISDIR(mode)
            yield Member(_name(info), is_plain, info.is_dir(), partial(_read, archive, info))


def _read(archive, info, max_bytes):
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        raise ValueError("it is encrypted, or compressed in another way than by deflate")
    if info.file_size > max_bytes:
        raise ValueError(f"it has {info.file_size} bytes, at most {max_bytes} are accepted")
    return archive.read(info)  # no more than file_size bytes, whose checksum it compares


def _name(info):
    """A Mac writes UTF-8 and does not say so; zipfile then reads it as cp437."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _check_table(path):
    """Raises ValueError for a table of contents that is not there or too large."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        start = file.seek(max(0, size - _END_BYTES - _MAX_COMMENT))
        tail = file.read()
    at = tail.rfind(_END)
    if (
        at < 0
        or len(tail) < at + _END_BYTES
        or at + _END_BYTES + struct.unpack("<H", tail[at + 20 : at + 22])[0] != len(tail)
    ):
        raise ValueError("it is cut off, or no zip archive")
    table_bytes, place = struct.unpack("<II", tail[at + 12 : at + 20])
    if table_bytes > _MAX_TABLE_BYTES or place > start + at:
        raise ValueError("it has over 4 GB or very many files; pack those as .tar")
