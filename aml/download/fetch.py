"""Fetch a file from the web or a local copy: resumed, checked, and given its name only when it is whole."""

import hashlib
import json
import os
import sys
import threading
import time
from pathlib import Path

from aml.download.transfer import (
    START_BYTES,
    Interruption,
    Misfit,
    Refusal,
    check_length,
    check_start,
    copy,
    download,
    forget,
    is_copy,
    local_path,
    present,
)
from aml.files.atomic import locked, write_json

FOUND, LOCAL = "found in place", "a local place"  # where a file came from, besides URLs
_ENTERING = threading.Lock()  # downloads run side by side and share one file of digests


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
    """Fetch one file to `destination` and return its sha256 (hex). A file that is there already is only checked. If it
    came from a local path and has changed there, it is copied again, which a line on standard error says.

    sources: http(s) and file URLs or local paths, tried in this order; a partial download goes on where it stopped if
    the server can. num_attempts: how often in a row a source may break off without getting further, with pauses of
    pause_s, 2 pause_s, 4 pause_s, ... seconds; stall_s: seconds without a byte that count as breaking off.
    magic: the first bytes that the file must have; sha256_start: the first digits of its sha256, if its name has them.
    digests: JSON file {name: {"sha256", "bytes", "source"}}; the first download of a name is noted there, and later
    ones must equal it, unless both come from local paths. Several threads may share it.
    Raises ValueError if no source gives the file (with the reason of each; a part is kept for the next run), and if it
    differs from what is noted (it is kept beside `destination` and not downloaded again).
    """
    destination, digests = Path(destination), Path(digests)
    checks = {"expected_bytes": expected_bytes, "magic": magic}
    accept = {"digests": digests, "sha256_start": sha256_start, **checks}
    refused = _refused(destination)
    if refused.exists():
        raise ValueError(
            f"{refused} was refused earlier, since it differs from what was known of it. {_remedy(refused, digests)}"
        )
    destination.parent.mkdir(parents=True, exist_ok=True)
    with locked(destination):
        known, own = known_files(digests).get(destination.name), present(sources)
        if destination.exists():
            is_own = own is not None and (known is None or is_local(known["source"]))
            if not is_own or is_copy(destination, own):
                return _accept(destination, destination, str(own) if is_own else None, **accept)
            sources = [str(own)]
        part, reasons = part_of(destination), []
        for source in sources:
            try:
                path = local_path(source)
                if path is not None:
                    forget(part)
                    copy(path, part, **checks)
                else:
                    _download(source, part, **checks, num_attempts=num_attempts, pause_s=pause_s, stall_s=stall_s)
            except (Refusal, Interruption) as error:
                reasons.append(f"{source}: {error}")
                continue
            sha256 = _accept(part, destination, source, **accept)
            if known is not None and sha256 != known["sha256"]:
                print(f"{destination.name} has changed at {source}: taken, and noted in {digests}", file=sys.stderr)
            return sha256
    raise ValueError(
        f"{destination.name} could not be had:\n  "
        + "\n  ".join(reasons or ["no source is given"])
        + f"\nGet it by other means and put it at {destination}, or give its local path as the source."
        + ("" if known is None else f" To accept another version than {digests} knows, remove its entry there.")
    )


def part_of(destination: Path) -> Path:
    """The path of an incomplete download."""
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
            pause = pause_s * 2 ** (failures - 1)
            print(f"{url}: {error}; attempt {failures} of {num_attempts}, the next in {pause:g} s", file=sys.stderr)
        time.sleep(pause)


def _accept(file, destination, source, *, digests, expected_bytes, magic, sha256_start):
    """Check the whole file, note its digest the first time, and give it its name. source: None for a file that was put
    there by hand."""
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
        origin = FOUND if source is None else source if local_path(source) is None else LOCAL  # no path of this machine
        found = {"sha256": sha256, "bytes": file.stat().st_size, "source": origin}
        known = entered(digests, destination.name, found)
        expected, origin = known["sha256"], f"{digests} noted for the copy from {known['source']}"
    if sha256 != expected:
        kept = file if file == destination else file.replace(_refused(destination))
        forget(part_of(destination))
        raise ValueError(
            f"{destination.name} from {source or FOUND} has sha256 {sha256}, expected is {expected} as {origin}. "
            f"What came is kept as {kept}. {_remedy(kept, digests)}"
        )
    if file != destination:
        with open(file, "rb+") as content:
            os.fsync(content.fileno())
        file.replace(destination)
        forget(file)
    return sha256


def _remedy(kept, digests):
    name = kept.name.removesuffix(".refused")
    return (
        f"Remove that file to fetch it again; to accept what comes then, remove the entry {name!r} from {digests} too"
    )


def _refused(destination):
    return destination.with_name(destination.name + ".refused")


def known_files(digests: Path) -> dict[str, dict]:
    """Read what first downloads noted: file name -> {"sha256", "bytes", "source"}."""
    return json.loads(digests.read_text(encoding="utf-8")) if digests.exists() else {}


def entered(digests: Path, name: str, entry: dict) -> dict:
    """The entry of the file `name` in `digests`. `entry` is written there first if there is none, or if both come from
    local paths, since users may correct their own files."""
    with _ENTERING:
        known = known_files(digests)
        earlier = known.get(name, entry)
        is_corrected = entry["source"] == LOCAL and is_local(earlier["source"]) and earlier != entry
        if name in known and not is_corrected:
            return earlier
        write_json(digests, dict(sorted({**known, name: entry}.items())))
        return entry


def is_local(noted: str) -> bool:
    """Whether a noted source is on this machine: LOCAL, FOUND, or a path, as earlier versions noted."""
    return not noted.startswith(("http://", "https://"))
