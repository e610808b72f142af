"""Tar archives, compressed or not, read once from front to end, and zip archives; nothing is ever unpacked to disk."""

import contextlib
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from aml.datasets import compression, zips

_READ_BYTES = 1 << 20
_MAX_HEADER_BYTES = 1 << 20  # of one file: long names and extended headers, which tarfile reads whole
_ERRORS = (*compression.ERRORS, *zips.ERRORS)
_MAX_FILE_BYTES = 1 << 40  # to pass over what isn't there, tarfile takes as many steps as it has MB


def files(archive, *, is_wanted: Callable[[str], bool], max_bytes: int) -> Iterator[tuple[str, bytes | None]]:
    """The regular files of an archive in its order: path inside it, and its bytes if it is wanted. Tar, also compressed
    by gzip, bzip2 or xz, and zip are told apart by their first bytes.

    Raises ValueError, naming archive and member: for absolute paths and "..", links and devices; for an archive that is
    missing, cut off or damaged, even where tar itself would take that for its end; for a wanted file above `max_bytes`.
    Memory stays below `max_bytes` and a few MB (with xz and zip 130 MB), whatever a compressed archive unpacks to.
    """
    archive, last = Path(archive), None
    if not archive.is_file():
        raise ValueError(f"no archive {archive}")
    try:
        if compression.kind(archive) == "zip":
            for member in zips.members(archive):
                last = member.name
                _check_path(last, member.is_plain)
                if not member.is_folder:
                    path = str(PurePosixPath(last))
                    yield path, member.read(max_bytes) if is_wanted(path) else None
            return
        with contextlib.ExitStack() as stack:
            stream = _Stream(stack.enter_context(contextlib.closing(compression.opened(archive))))
            tar = stack.enter_context(tarfile.open(fileobj=stream, mode="r|", bufsize=_READ_BYTES, encoding="utf-8"))
            while (member := _next(tar, stream)) is not None:
                tar.members.clear()  # tarfile keeps them all: a gigabyte for a million images
                last = member.name
                _check(member, tar.offset)
                if member.isfile():
                    path = str(PurePosixPath(member.name))
                    yield path, _read(tar, member, max_bytes) if is_wanted(path) else None
            stream.check_end(tar.offset)
    except (tarfile.TarError, ValueError, OverflowError, zlib.error, _BadMemberError, *_ERRORS) as error:
        after = f"at {last!r}" if last else "at its start"
        raise ValueError(f"archive {archive}, {after}: {error or 'it is cut off'}") from error


class _BadMemberError(Exception):
    pass


class _Stream:
    """Passes reads on, keeps the last two blocks to look at the end again: tarfile takes a damaged header for it."""

    def __init__(self, file):
        self._file, self._position, self._recent = file, 0, (b"", b"")
        self.end = _MAX_HEADER_BYTES  # no block that starts beyond is read before the next header is at hand

    def read(self, num_bytes):
        block = self._file.read(num_bytes)
        self._position += len(block)
        if self._position - len(block) > self.end:
            raise _BadMemberError(f"what follows has a header of over {_MAX_HEADER_BYTES} bytes")
        self._recent = (self._recent[1], block)
        return block

    def check_end(self, offset):
        """Reads to the end (gzip then compares its checksum); tar's end mark must stand at `offset`."""
        recent = b"".join(self._recent)
        mark = recent[max(0, offset - (self._position - len(recent))) :][:512]
        while self._file.read(_READ_BYTES):
            pass
        if mark != bytes(512):
            raise _BadMemberError("what follows is damaged" if len(mark) == 512 else "it is cut off")


def _next(tar, stream):
    stream.end = tar.offset + _MAX_HEADER_BYTES
    member = tar.next()
    stream.end = tar.offset + _MAX_HEADER_BYTES  # now with the member's data
    return member


def _check_path(name, is_plain):
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise _BadMemberError("its path leads out of the archive; only paths inside are accepted")
    if not is_plain:
        raise _BadMemberError("it is a link or device; only files and folders are accepted")


def _check(member, next_offset):
    _check_path(member.name, member.isfile() or member.isdir())
    for size in (member.size, next_offset - member.offset_data):  # in the archive a sparse file has another size
        if not 0 <= size <= _MAX_FILE_BYTES:
            raise _BadMemberError(f"it says that it has {size} bytes; 0 to {_MAX_FILE_BYTES} are accepted")


def _read(tar, member, max_bytes):
    if member.size > max_bytes:
        raise _BadMemberError(f"it has {member.size} bytes, at most {max_bytes} are accepted")
    data = tar.extractfile(member).read()
    if len(data) < member.size:
        raise _BadMemberError("it is cut off")
    return data
