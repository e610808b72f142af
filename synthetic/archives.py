"""Write archives and lists whose bytes depend only on names and contents."""

import gzip
import io
import pickle
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from aml.files.atomic import replacing


@contextmanager
def writing_archive(path: Path, bar: tqdm) -> Iterator[Callable[[str, bytes], None]]:
    """Give a function that adds a file (name, data) to a gzipped tar, which is at `path` once it is complete, and to
    `bar`. Owners, modes and times are the same for all files."""
    with (
        replacing(path) as temporary,
        open(temporary, "wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as stream,  # JPEGs hardly shrink
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):

        def add(name: str, data: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
            bar.update()

        yield add


def write_pickle(path: Path, value: dict) -> None:
    """Write plain lists, dicts, numbers and strings as the upstream lists are: protocol 2."""
    with replacing(path) as temporary:
        temporary.write_bytes(pickle.dumps(value, protocol=2))
