"""The files of one dataset: room for all of them first, then several at once."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path

from aml.web.checks import GZIP, Refusal, check_space, known_files
from aml.web.fetch import fetch, local_path, part_of
from aml.web.transfer import stated_length

_GZIPPED = (".tgz", ".tar.gz")
_ANSWER_S = 30.0  # for a question about a length, which is no more than a courtesy to the disk


def fetch_all(files: dict[str, list[str]], folder, *, digests, num_downloads: int, **options):
    """Brings every file into `folder`, `num_downloads` at a time; files that are there already are only checked.

    files: name -> sources, as in `fetch`; options: of `fetch`. Raises ValueError before the first byte where the disk
    has no room for what is still to come, as far as its length is known; and, when every file had its turn, where some
    could not be had.
    """
    folder, digests = Path(folder), Path(digests)
    folder.mkdir(parents=True, exist_ok=True)
    known = known_files(digests)
    _check_room(files, folder, known, num_downloads)

    def bring(name):
        expected_bytes = known[name]["bytes"] if name in known else None
        magic = GZIP if name.endswith(_GZIPPED) else b""
        try:
            fetch(files[name], folder / name, digests=digests, expected_bytes=expected_bytes, magic=magic, **options)
        except ValueError as error:
            return str(error)

    problems = [problem for problem in _each(bring, list(files), num_downloads) if problem]
    if problems:
        raise ValueError(f"{len(problems)} of {len(files)} files are missing in {folder}:\n" + "\n".join(problems))


def _check_room(files, folder, known, num_threads):
    missing = [name for name in files if not (folder / name).exists()]
    lengths = _each(lambda name: _length(files[name], known.get(name)), missing, num_threads)
    parts = (part_of(folder / name) for name in missing)
    here = sum(part.stat().st_size for part in parts if part.exists())
    check_space(folder, max(0, sum(lengths) - here))


def _length(sources, entry):
    """Bytes of a file that is still to come: as an earlier download noted, or as its first source says; 0: unknown."""
    if entry is not None:
        return entry["bytes"]
    try:
        path = local_path(sources[0])
    except Refusal:
        return 0
    if path is None:
        return stated_length(sources[0], stall_s=_ANSWER_S) or 0
    return path.stat().st_size if path.is_file() else 0


def _each(function: Callable, items: list, num_threads: int) -> list:
    """What `function` gives for each item. Its threads end with the process: who interrupts a download of hours wants
    it to stop, and the parts go on from where they are."""
    waiting, results, errors = queue.SimpleQueue(), [None] * len(items), []
    for place in range(len(items)):
        waiting.put(place)

    def work():
        while not errors:
            try:
                place = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                results[place] = function(items[place])
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(num_threads, len(items)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
