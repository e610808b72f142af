"""The files of one dataset: room for all of them first, then several at once."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path

from aml.download.checks import GZIP, Refusal, check_space, is_local, known_files
from aml.download.fetch import fetch, part_of
from aml.download.local_files import local_path
from aml.download.transfer import stated_length

# how a file of such a name starts
_MAGIC = {".tgz": GZIP, ".tar.gz": GZIP, ".tar.bz2": b"BZh", ".tar.xz": b"\xfd7zXZ\x00", ".zip": b"PK"}
_ANSWER_S = 10.0  # for a question about a length, which is no more than a courtesy to the disk
_ENOUGH = 3  # files that could not be had; the server is then away, and a hundred more would each wait for it


def fetch_all(files: dict[str, list[str]], folder, *, digests, num_downloads: int, **options):
    """Brings every file into `folder`, `num_downloads` at a time; files that are there already are only checked.

    files: name -> sources, as in `fetch`; options: of `fetch`. Raises ValueError before the first byte where the disk
    has no room for what is still to come, as far as its length is known; and where files could not be had, when all
    others are here or _ENOUGH have failed.
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
        """As an earlier download noted, or as the file's first source says, unless that has ceased to answer."""
        length = known[name]["bytes"] if name in known else None if is_silent.is_set() else _length(files[name][0])
        if length is None:
            is_silent.set()
        lengths.append(length or 0)

    _each(ask, missing, num_threads)
    parts = (part_of(folder / name) for name in missing)
    here = sum(part.stat().st_size for part in parts if part.exists())
    check_space(folder, max(0, sum(lengths) - here))


def _length(source):
    """Bytes of the file at a source, None where nobody says."""
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
