"""Archives whose bytes depend on nothing but the members' names and contents."""

import gzip
import io
import os
import pickle
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aml.files.atomic import replacing


class Archive:
    """A gzipped tar being written: owners, modes and times are the same for all members."""

    def __init__(self, tar: tarfile.TarFile):
        self._tar = tar

    def add(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self._tar.addfile(member, io.BytesIO(data))


@contextmanager
def writing_archive(path: str | os.PathLike) -> Iterator[Archive]:
    """An archive that takes its place at `path` when it is complete."""
    with (
        replacing(path) as temporary,
        open(temporary, "wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as stream,  # JPEGs hardly shrink
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        yield Archive(tar)


def write_pickle(path: str | os.PathLike, value: dict) -> None:
    """Writes plain lists, dicts, numbers and strings as the upstream lists are: protocol 2."""
    with replacing(path) as temporary:
        Path(temporary).write_bytes(pickle.dumps(value, protocol=2))


def write_lines(path: str | os.PathLike, lines: list[str]) -> None:
    """Writes one line each."""
    with replacing(path) as temporary:
        Path(temporary).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
