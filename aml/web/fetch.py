"""Files from the web or from a local copy: resumed, checked, and under their name only when they are whole."""

import hashlib
import os
import shutil
import time
import urllib.parse
import urllib.request
from pathlib import Path

from aml.storage.files import alone
from aml.web.checks import (
    START_BYTES,
    Interruption,
    Misfit,
    Refusal,
    check_length,
    check_space,
    check_start,
    entered,
)
from aml.web.transfer import download, forget


def fetch(
    sources: list[str],
    destination,
    *,
    digests,
    expected_bytes: int | None = None,
    magic: bytes = b"",
    sha256_start: str = "",
    num_attempts: int = 5,
    pause_s: float = 5.0,
    stall_s: float = 60.0,
) -> str:
    """Brings one file to `destination` and gives its sha256 (hex). A file that is there already is only checked.

    sources: http(s) and file URLs or local paths, tried in this order; a copy already downloaded in part goes on where
    it stopped if the server can. num_attempts: how often in a row a source may break off without getting further, with
    pauses of pause_s, 2 pause_s, 4 pause_s, ... seconds; stall_s: seconds without a byte that count as breaking off.
    magic: the first bytes the file must have; sha256_start: the first digits of its sha256, where upstream's name for
    it has them. digests: JSON file {name: {"sha256", "bytes", "source"}}; the first download of a name is entered
    there, every later one must equal it. Several threads may share it.
    Raises ValueError where no source gives the file (each with its reason; a part is kept for the next run), and where
    it differs from what is known of it (it is kept beside `destination` and not downloaded again).
    """
    destination, digests = Path(destination), Path(digests)
    checks = {"expected_bytes": expected_bytes, "magic": magic}
    accept = {"digests": digests, "sha256_start": sha256_start, **checks}
    refused = _refused(destination)
    if refused.exists():
        raise ValueError(
            f"{refused} was refused earlier, since it differs from what was known of it, see {digests}. Remove it to "
            "download again, or remove the entry as well to accept what comes"
        )
    destination.parent.mkdir(parents=True, exist_ok=True)
    with alone(destination):
        if destination.exists():
            return _accept(destination, destination, "found in place", **accept)
        part, reasons = part_of(destination), []
        for source in sources:
            try:
                path = local_path(source)
                if path is not None:
                    _copy(path, part, **checks)
                else:
                    _download(source, part, **checks, num_attempts=num_attempts, pause_s=pause_s, stall_s=stall_s)
            except (Refusal, Interruption) as error:
                reasons.append(f"{source}: {error}")
                continue
            return _accept(part, destination, source, **accept)
    raise ValueError(
        f"{destination.name} could not be had:\n  "
        + "\n  ".join(reasons or ["no source is given"])
        + f"\nGet it by other means and put it at {destination}, or give its local path as the source."
    )


def local_path(source: str) -> Path | None:
    """The file that a source names on this machine; None for a source on the web. Raises Refusal for any other."""
    scheme = urllib.parse.urlsplit(source).scheme if "://" in source else ""
    if scheme in ("http", "https"):
        return None
    if scheme not in ("file", ""):
        raise Refusal(f"unknown scheme {scheme!r}; accepted are http, https, file and local paths")
    path = urllib.request.url2pathname(urllib.parse.urlsplit(source).path) if scheme else source
    return Path(path).expanduser()


def part_of(destination: Path) -> Path:
    """Where a file grows until it is whole."""
    return destination.with_name(destination.name + ".part")


def _download(url, part, *, num_attempts, pause_s, **options):
    failures, best = 0, -1
    while True:
        try:
            return download(url, part, **options)
        except Interruption as error:
            if isinstance(error, Misfit):
                forget(part)
            reached = part.stat().st_size if part.exists() else 0
            failures = 1 if reached > best >= 0 else failures + 1
            best = max(best, reached)
            if failures >= num_attempts:
                raise Interruption(f"{error} ({num_attempts} attempts)") from None
        time.sleep(pause_s * 2 ** (failures - 1))


def _copy(path, part, *, expected_bytes, magic):
    if not path.is_file():
        raise Refusal("no such file")
    check_length(path.stat().st_size, expected_bytes)
    with open(path, "rb") as file:
        check_start(file.read(START_BYTES), magic)
    forget(part)
    check_space(part.parent, path.stat().st_size)
    shutil.copyfile(path, part)


def _accept(file, destination, source, *, digests, expected_bytes, magic, sha256_start):
    """Checks the whole file against what is known, notes its digest at the first time, gives it its name."""
    try:
        check_length(file.stat().st_size, expected_bytes)
        with open(file, "rb") as content:
            check_start(content.read(START_BYTES), magic)
            content.seek(0)
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    except Refusal as error:
        raise ValueError(f"{file}: {error}") from None
    expected, origin = f"{sha256_start}...", "the file's own name says"
    if sha256.startswith(sha256_start):
        found = {"sha256": sha256, "bytes": file.stat().st_size, "source": source}
        known = entered(digests, destination.name, found)
        expected, origin = known["sha256"], f"{digests} noted for the copy from {known['source']}"
    if sha256 != expected:
        kept = file if file == destination else file.replace(_refused(destination))
        forget(part_of(destination))
        raise ValueError(
            f"{destination.name} from {source} has sha256 {sha256}, expected is {expected} as {origin}. "
            f"What came is kept as {kept}"
        )
    if file != destination:
        with open(file, "rb+") as content:
            os.fsync(content.fileno())
        file.replace(destination)
        forget(file)
    return sha256


def _refused(destination):
    return destination.with_name(destination.name + ".refused")
