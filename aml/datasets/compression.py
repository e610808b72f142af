"""Compressed files as streams of bytes, told apart by how they start, in a bounded memory whatever they unpack to."""

import bz2
import gzip
import io
import lzma
from pathlib import Path

STARTS = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00", "zip": b"PK\x03\x04"}
ERRORS = (OSError, EOFError, lzma.LZMAError)  # and zlib.error, for gzip
_XZ_MEMORY = 128 << 20  # `xz -9` needs 65 MiB; a file may ask for 4 GiB
_CHUNK_BYTES = 1 << 16


def kind(path: Path) -> str | None:
    """The key in STARTS of how a file starts; None for any other start."""
    with open(path, "rb") as file:
        start = file.read(max(map(len, STARTS.values())))
    return next((name for name, magic in STARTS.items() if start.startswith(magic)), None)


def opened(path: Path):
    """The file's bytes, unpacked where it is compressed by gzip, bzip2 or xz: something to read, and to close."""
    match kind(path):
        case "gzip":
            return gzip.open(path)
        case "bzip2":
            return bz2.open(path)
        case "xz":
            return _Xz(open(path, "rb"))
    return open(path, "rb")


class _Xz(io.RawIOBase):
    """As lzma.open, with a limit to the memory, which that does not offer."""

    def __init__(self, file):
        self._file, self._decoder = file, lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def read(self, num_bytes):
        parts = []
        while num_bytes:
            if self._decoder.eof:
                rest = (self._decoder.unused_data or self._file.read(_CHUNK_BYTES)).lstrip(b"\0")
                if not rest:
                    break
                self._decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)  # files may stand one behind another
            else:
                rest = self._file.read(_CHUNK_BYTES) if self._decoder.needs_input else b""
                if self._decoder.needs_input and not rest:
                    raise EOFError("Compressed file ended before the end-of-stream marker was reached")
            parts.append(self._decoder.decompress(rest, num_bytes))
            num_bytes -= len(parts[-1])
        return b"".join(parts)

    def close(self):
        self._file.close()
        super().close()
