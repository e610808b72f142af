"""Read tar and zip archives once from front to end, without unpacking anything to disk."""

import bz2
import contextlib
import functools
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

_READ_BYTES = 1 << 20
_MAX_HEADER_BYTES = 1 << 20  # of one file: tarfile reads long names and extended headers whole
_MAX_FILE_BYTES = 1 << 40  # tarfile takes a step for each MB of a size that it passes over, even if nothing is there
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile unpacks others without a bound
_ZIP_UTF8, _ZIP_ENCRYPTED = 0x800, 0x1  # flags of a member
_ERRORS = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(ValueError, LookupError, OverflowError, OSError, EOFError, RuntimeError),  # NotImplementedError is a RuntimeError
)


def files(archive, *, is_wanted: Callable[[str], bool], max_bytes: int) -> Iterator[tuple[str, bytes | None]]:
    """Yield the regular files of an archive in its order: the path inside it, and the bytes of a wanted file, None for
    others.

    The archive is a zip or a tar, whose first bytes tell how it is compressed. Memory stays below `max_bytes` and a few
    MB, whatever the archive unpacks to (but xz takes what its packer chose, and a zip's table of contents is read
    whole). Raises ValueError naming archive and file: for absolute paths and "..", for links and devices, for a wanted
    file above `max_bytes`, and for an archive that is missing, cut off or damaged, even if tar takes the damage for its
    end.
    """
    archive, last = Path(archive), None
    if not archive.is_file():
        raise ValueError(f"no archive {archive}")
    try:
        with open(archive, "rb") as file:
            start = file.read(6)
        members = _zip_members(archive) if start.startswith(b"PK\x03\x04") else _tar_members(archive, start)
        for last, is_plain, is_folder, read in members:
            path = PurePosixPath(last)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError("its path leads out of the archive; only paths inside are accepted")
            if not is_plain:
                raise ValueError("it is a link or device; only files and folders are accepted")
            if not is_folder:
                yield str(path), read(max_bytes) if is_wanted(str(path)) else None
    except _ERRORS as error:
        after = f"at {last!r}" if last else "at its start"
        raise ValueError(f"archive {archive}, {after}: {error or 'it is cut off'}") from error


def _tar_members(archive, start):
    """Yield for each member: name, whether it is a file or folder, whether it is a folder, and a function that reads
    it, if it has at most as many bytes as the function is given."""
    with contextlib.closing(_unpacked(archive, start)) as file:
        stream = _Stream(file)
        options = {"bufsize": _READ_BYTES, "encoding": "utf-8", "tarinfo": _Header}
        with tarfile.open(fileobj=stream, mode="r|", **options) as tar:
            while (member := _next(tar, stream)) is not None:
                tar.members.clear()  # tarfile keeps them all: a gigabyte for a million images
                is_plain = member.isfile() or member.isdir()
                yield member.name, is_plain, member.isdir(), functools.partial(_read, tar, member)
        while file.read(_READ_BYTES):  # to the end, where gzip compares its checksum
            pass


class _Header(tarfile.TarInfo):
    """The header of a member. One that is damaged or missing is an error, which tarfile takes for the archive's end."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise ValueError(f"what follows is no member of a tar ({error})") from error


class _Stream:
    """A file that is read up to `end`, and one block further."""

    def __init__(self, file):
        self._file, self._position, self.end = file, 0, _MAX_HEADER_BYTES

    def read(self, num_bytes):
        if self._position > self.end:
            raise ValueError(f"what follows has a header of over {_MAX_HEADER_BYTES} bytes")
        block = self._file.read(num_bytes)
        self._position += len(block)
        return block


def _next(tar, stream):
    stream.end = tar.offset + _MAX_HEADER_BYTES
    member = tar.next()
    stream.end = tar.offset + _MAX_HEADER_BYTES  # now with the member's data
    if member is not None:
        for size in (member.size, tar.offset - member.offset_data):  # in the archive a sparse file has another size
            if not 0 <= size <= _MAX_FILE_BYTES:
                raise ValueError(f"{member.name!r} has {size} bytes; 0 to {_MAX_FILE_BYTES} are accepted")
    return member


def _read(tar, member, max_bytes):
    if member.size > max_bytes:
        raise ValueError(f"it has {member.size} bytes, at most {max_bytes} are accepted")
    data = tar.extractfile(member).read()
    if len(data) < member.size:
        raise ValueError("it is cut off")
    return data


def _unpacked(path, start):
    """Return an object to read and to close: the bytes of a file that starts with these, unpacked if it is
    compressed."""
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(path)
    if start.startswith(b"BZh"):
        return bz2.open(path)
    return lzma.open(path) if start == b"\xfd7zXZ\x00" else open(path, "rb")


def _zip_members(path):
    """Yield the members of a zip archive in the order of its table, as `_tar_members` does."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 on Windows
            is_plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
            yield _zip_name(info), is_plain, info.is_dir(), functools.partial(_read_zipped, archive, info)


def _read_zipped(archive, info, max_bytes):
    if info.flag_bits & _ZIP_ENCRYPTED or info.compress_type not in _ZIP_METHODS:
        raise ValueError("it is encrypted, or compressed in another way than by deflate")
    if info.file_size > max_bytes:
        raise ValueError(f"it has {info.file_size} bytes, at most {max_bytes} are accepted")
    return archive.read(info)  # at most file_size bytes, whose checksum it compares


def _zip_name(info):
    """Return the name of a member: a Mac writes UTF-8 without saying so, which zipfile reads as cp437."""
    try:
        return info.filename if info.flag_bits & _ZIP_UTF8 else info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename
