"""Write files and folders whole: under a temporary name, which becomes the real one when they are complete. Read JSON
and npz files, with one error for all that are damaged.

Only one process at a time writes a path. It removes what a killed one has left. Temporary names and locks are
`.<name>.tmp`, `.<name>.old`, `.<name>.lock`; git and DVC ignore them.
"""

import contextlib
import errno
import fcntl
import functools
import json
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@contextlib.contextmanager
def replacing(path, *, is_folder: bool = False):
    """Yield a temporary path for a file, which becomes `path` on success; after an error `path` is as before.

    With `is_folder` the temporary path is that of an empty folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, old = _beside(path, "tmp"), _beside(path, "old")
    with locked(path):
        _remove(temporary, old)  # of a killed run
        try:
            if is_folder:
                temporary.mkdir()
            yield temporary
            for written in (*temporary.rglob("*"), temporary):
                _sync(written)
            if is_folder and path.exists():
                os.replace(path, old)
            os.replace(temporary, path)
            _sync(path.parent)
        except BaseException:
            if not path.exists() and old.exists():
                os.replace(old, path)
            _remove(temporary)
            raise
        _remove(old)


replacing_folder = functools.partial(replacing, is_folder=True)


@contextlib.contextmanager
def locked(path):
    """Lock `path` for writing: a second process waits, and says for which one.

    There may be a second one if DVC was ended but not its stage, which then runs on. The system releases the lock of a
    process that is killed.
    """
    path = Path(path)
    lock = _lock(path)
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield
    except OSError as error:
        if error.filename is None:  # of a write to a full disk, which does not say for which file
            raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from error
        raise
    finally:
        _beside(path, "lock").unlink(missing_ok=True)
        os.close(lock)


def require_room(folder, num_bytes):
    """Raise OSError if the disk of `folder` has no room for so many more bytes."""
    if shutil.disk_usage(folder).free < num_bytes:
        raise _no_room(errno.ENOSPC, folder, num_bytes)


def reserve(file, num_bytes):
    """Reserve room on the disk for the first `num_bytes` of an open file.

    So a full disk gives an OSError that says what is needed; while a memory map is written, it would end the process.
    """
    try:
        os.posix_fallocate(file.fileno(), 0, num_bytes)
    except OSError as error:
        raise _no_room(error.errno, Path(file.name).parent, num_bytes) from None


def write_json(path, obj):
    """Write `obj` as JSON, keys in the given order. Raises ValueError for NaN and infinities."""
    text = json.dumps(obj, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path, *keys: str) -> dict:
    """Read the object in a JSON file, which must have `keys`. Raises ValueError naming the file if it has not."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        missing = [key for key in keys if key not in content]
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged(path, f"it is not a JSON object ({error})") from None
    if not isinstance(content, dict) or missing:
        raise damaged(path, f"it is not a JSON object with {', '.join(keys) or 'any keys'}")
    return content


def read_npz(path: Path, names: Iterable[str]) -> dict[str, "np.ndarray"]:
    """Read the arrays `names` of an npz file. Raises ValueError naming the file if it is damaged or lacks one."""
    import numpy as np  # late: the tables are written without it

    errors = (OSError, ValueError, EOFError, AttributeError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error)
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except errors as error:
        raise damaged(path, f"it is not a readable npz file ({error})") from None


def damaged(path: Path, why: str) -> ValueError:
    """Return the error for a file that has changed since it was written: what is wrong with it, and what repairs it."""
    return ValueError(
        f"{path} is damaged: {why}; run `python -m tools.repair --verify`, which removes it here and from DVC's cache, "
        "then `dvc repro`, which makes it again"
    )


def _no_room(number, folder, num_bytes):
    free = shutil.disk_usage(folder).free
    return OSError(number, f"{os.strerror(number)}: {num_bytes:,} bytes needed, {free:,} free", str(folder))


def _lock(path):
    """Open and lock the lock file of `path`, and return its descriptor."""
    while True:
        lock = os.open(_beside(path, "lock"), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"process {os.pread(lock, 20, 0).decode()} is writing {path}: waiting for its end", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:
            return lock
        os.close(lock)  # its owner has finished and removed it


def _remove(*paths):
    for path in paths:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _beside(path, kind):
    return path.with_name(f".{path.name}.{kind}")


def _sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
