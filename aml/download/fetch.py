"""Fetch files from the web or local copies: resumed, checked, and given their names only when they are whole."""

import filecmp
import json
import os
import sys
import threading
import time
from collections.abc import Iterable
from multiprocessing.pool import ThreadPool
from pathlib import Path

from aml.download import transfer
from aml.files.atomic import locked, write_json
from aml.files.digests import file_sha256

FOUND, LOCAL = "found in place", "a local place"  # where a file came from, besides URLs
OWN = (FOUND, LOCAL)
NUM_ATTEMPTS = 5  # how often in a row a source may break off without getting further
PAUSE_S = 5.0  # after the first of them; doubled after each further one
ENOUGH = 3  # failures after which no more files are tried: the server is away, and each would wait for it
_ENTERING = threading.Lock()  # downloads run side by side and share one file of digests


def fetch_all(files: dict[str, list[str]], folder: Path, *, digests: Path, num_downloads: int) -> None:
    """Fetch every file into `folder`, `num_downloads` at a time; files that are there already are only checked.

    files: name -> sources, as in `fetch`. Raises ValueError if files could not be fetched, after all others are there
    or ENOUGH have failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    problems = []

    def bring(name):
        try:
            if len(problems) < ENOUGH:
                fetch(files[name], folder / name, digests=digests)
        except ValueError as error:
            problems.append(str(error))

    with ThreadPool(num_downloads) as pool:  # its threads end with the process: Ctrl-C stops a download of hours
        for _ in pool.imap_unordered(bring, files):
            pass
    if problems:
        missing = sum(not (folder / name).exists() for name in files)
        raise ValueError(f"{missing} of {len(files)} files are not in {folder}:\n" + "\n".join(problems))


def fetch(sources: Iterable[str], destination: Path, *, digests: Path, sha256_start: str = "") -> str:
    """Fetch one file to `destination` and return its sha256 (hex). A file that is there already is only checked.

    If it came from a local path and has changed there, it is copied again, and a line on standard error says so.

    sources: http(s) and file URLs or local paths, tried in this order. A partial download continues where it stopped if
    the server supports it. sha256_start: the first digits of its sha256, if its name has them. digests: JSON file
    {name: {"sha256", "bytes", "source"}}; the first download of a name is noted there, and later ones must equal it,
    unless both come from local paths. Several threads may share it.
    Raises ValueError if no source gives the file (with the reason of each; a part is kept for the next run), and if it
    differs from what is noted (it is kept beside `destination` and not downloaded again).
    """
    refused = _beside(destination, ".refused")
    if refused.exists():
        raise ValueError(
            f"{refused} was refused earlier, since it differs from what was known of it. {_remedy(refused, digests)}"
        )
    destination.parent.mkdir(parents=True, exist_ok=True)
    with locked(destination):
        known, own = known_files(digests).get(destination.name), transfer.present(sources)
        if destination.exists():
            is_own = own is not None and (known is None or known["source"] in OWN)
            if not is_own or (own.is_file() and filecmp.cmp(destination, own, shallow=False)):  # a folder: packed again
                try:
                    return _accept(destination, destination, str(own) if is_own else FOUND, digests, sha256_start)
                except transfer.Refusal as error:
                    raise ValueError(f"{destination}: {error}") from None
            sources = [str(own)]
        part, reasons = _beside(destination, ".part"), []
        num_bytes = None if known is None or known["source"] in OWN else known["bytes"]
        for source in sources:
            try:
                path = transfer.local_path(source)
                if path is not None:
                    transfer.forget(part)
                    transfer.copy(path, part)
                else:
                    _download(source, part, num_bytes)
                sha256 = _accept(part, destination, source, digests, sha256_start)
            except (transfer.Refusal, transfer.Interruption) as error:
                reasons.append(f"{source}: {error}")
                continue
            if known is not None and sha256 != known["sha256"]:
                print(f"{destination.name} has changed at {source}: taken, and noted in {digests}", file=sys.stderr)
            return sha256
    raise ValueError(
        f"{destination.name} could not be fetched:\n  "
        + "\n  ".join(reasons or ["no source is given"])
        + f"\nGet it by other means and put it at {destination}, or give its local path as the source."
        + ("" if known is None else f" To accept another version than {digests} knows, remove its entry there.")
    )


def _download(url, part, expected_bytes):
    failures, best = 0, -1
    while True:
        try:
            return transfer.download(url, part, expected_bytes=expected_bytes)
        except transfer.Interruption as error:
            reached = part.stat().st_size if part.exists() else 0
            failures = 1 if reached > best >= 0 else failures + 1
            best = max(best, reached)
            if failures >= NUM_ATTEMPTS:
                raise transfer.Interruption(f"{error} ({NUM_ATTEMPTS} attempts)") from None
            pause = PAUSE_S * 2 ** (failures - 1)
            print(f"{url}: {error}; attempt {failures} of {NUM_ATTEMPTS}, the next in {pause:g} s", file=sys.stderr)
        time.sleep(pause)


def _accept(file, destination, source, digests, sha256_start):
    """Check the whole file, note its digest the first time, and give it its name.

    Raises Refusal for a file that can't be the one that is wanted, ValueError for another version of it.
    """
    with open(file, "rb") as content:
        transfer.check_start(content.read(transfer.START_BYTES), destination.name)
    sha256 = file_sha256(file)
    expected, origin = f"{sha256_start}...", "the file's own name says"
    if sha256.startswith(sha256_start):
        origin = source if source == FOUND or transfer.local_path(source) is None else LOCAL  # no path of this machine
        known = entered(digests, destination.name, {"sha256": sha256, "bytes": file.stat().st_size, "source": origin})
        expected, origin = known["sha256"], f"{digests} noted for the copy from {known['source']}"
    if sha256 != expected:
        kept = file if file == destination else file.replace(_beside(destination, ".refused"))
        transfer.forget(_beside(destination, ".part"))
        raise ValueError(
            f"{destination.name} from {source} has sha256 {sha256}, expected is {expected} as {origin}. "
            f"What came is kept as {kept}. {_remedy(kept, digests)}"
        )
    if file != destination:
        with open(file, "rb+") as content:
            os.fsync(content.fileno())
        file.replace(destination)
        transfer.forget(file)
    return sha256


def _remedy(kept, digests):
    name = kept.name.removesuffix(".refused")
    return (
        f"Remove that file to fetch it again; to accept what comes then, remove the entry {name!r} from {digests} too"
    )


def _beside(destination, suffix):
    return destination.with_name(destination.name + suffix)


def known_files(digests: Path) -> dict[str, dict]:
    """Read what first downloads noted: file name -> {"sha256", "bytes", "source"}."""
    return json.loads(digests.read_text(encoding="utf-8")) if digests.exists() else {}


def entered(digests: Path, name: str, entry: dict) -> dict:
    """Return the entry of the file `name` in `digests`. `entry` is written there first if there is none, or if both
    come from local paths, since users may correct their own files."""
    with _ENTERING:
        known = known_files(digests)
        if name not in known or (entry["source"] == LOCAL and known[name]["source"] in OWN):
            known[name] = entry
            write_json(digests, dict(sorted(known.items())))
        return known[name]
