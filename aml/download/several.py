"""Fetch the files of a dataset, several at a time, after checking that the disk has room for all."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path

from aml.download.fetch import fetch, is_local, known_files, part_of
from aml.download.transfer import GZIP, Refusal, check_space, local_path, stated_length

# how a file of such a name starts
_MAGIC = {".tgz": GZIP, ".tar.gz": GZIP, ".tar.bz2": b"BZh", ".tar.xz": b"\xfd7zXZ\x00", ".zip": b"PK"}
_ANSWER_S = 10.0  # for a question about a length; without an answer the file counts as empty
_ENOUGH = 3  # failures after which no more files are tried: the server is away, and each would wait for it


def fetch_all(files: dict[str, list[str]], folder, *, digests, num_downloads: int, **options):
    """Fetch every file into `folder`, `num_downloads` at a time; files that are there already are only checked.

    files: name -> sources, as in `fetch`; options: of `fetch`. Raises ValueError before the first byte if the disk has
    no room for the files of known length that are missing; and if files could not be had, after all others are there or
    _ENOUGH have failed.
    """
    folder, digests, problems = Path(folder), Path(digests), []
    folder.mkdir(parents=True, exist_ok=True)
    known = known_files(digests)
    _check_room(files, folder, known, num_downloads)

    def bring(name):
        if len(problems) >= _ENOUGH:
            return
        expected_bytes = known[name]["bytes"] if name in known and not is_local(known[name]["source"]) else None
        magic = next((magic for suffix, magic in _MAGIC.items() if name.endswith(suffix)), b"")
        try:
            fetch(files[name], folder / name, digests=digests, expected_bytes=expected_bytes, magic=magic, **options)
        except ValueError as error:
            problems.append(str(error))

    _each(bring, list(files), num_downloads)
    if problems:
        missing = sum(not (folder / name).exists() for name in files)
        raise ValueError(f"{missing} of {len(files)} files are not in {folder}:\n" + "\n".join(problems))


def _check_room(files, folder, known, num_threads):
    missing = [name for name in files if not (folder / name).exists()]
    lengths, is_silent = [], threading.Event()

    def ask(name):
        """Append the length that was noted, or that the first source states, unless one did not answer."""
        length = known[name]["bytes"] if name in known else None if is_silent.is_set() else _length(files[name][0])
        if length is None:
            is_silent.set()
        lengths.append(length or 0)

    _each(ask, missing, num_threads)
    parts = (part_of(folder / name) for name in missing)
    here = sum(part.stat().st_size for part in parts if part.exists())
    check_space(folder, max(0, sum(lengths) - here))


def _length(source):
    """The length of the file at a source in bytes, or None."""
    try:
        path = local_path(source)
    except Refusal:
        return None
    if path is None:
        return stated_length(source, stall_s=_ANSWER_S)
    return path.stat().st_size if path.is_file() else None


def _each(function: Callable, items: list, num_threads: int) -> None:
    """Calls `function` for each item. Its threads end with the process: who interrupts a download of hours wants it to
    stop, and the parts go on from where they are."""
    waiting, errors = queue.SimpleQueue(), []
    for item in items:
        waiting.put(item)

    def work():
        while not errors:
            try:
                function(waiting.get_nowait())
            except queue.Empty:
                return
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(num_threads, len(items)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
