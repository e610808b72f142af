"""Removes files that make DVC stop, and with --verify files whose bytes have changed, so that `dvc repro` goes on.

Not a stage: `make repro` calls it first. DVC writes dvc.lock and .dvc/tmp/rwlock in place: a kill -9 or a power cut in
that moment leaves a part of them, a merge of two branches leaves git's conflict marks, and then every dvc command
refuses the file. Nothing is lost with it: DVC finds in its cache what was computed, and stages whose outputs are not
cached run again. Links in data/local to a file that is gone are removed too; the copy in data/raw is used then.

DVC never looks again at a file that its cache holds. --verify compares every file of the cache, and every output in the
workspace, with DVC's md5, and removes those that differ; the next `dvc repro` makes them again.
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils import strictyaml

TEMPORARY = Path(".dvc/tmp")
LOCAL = Path("data/local")
CONFLICT = re.compile(rb"^<{7} ", re.MULTILINE)


def main(*, verify: bool = False) -> None:
    locks = [Path("dvc.lock"), *sorted(Path().glob("graph/*/dvc.lock"))]
    TEMPORARY.mkdir(parents=True, exist_ok=True)
    with open(TEMPORARY / "lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # DVC's own lock: no other process writes now
        for path in (*locks, TEMPORARY / "rwlock"):
            remove_unreadable(path)
        for folder in [*LOCAL.glob("*")]:
            # never through a link: what is behind it is the user's
            for link in [folder] if folder.is_symlink() else [*folder.glob("*")]:
                if link.is_symlink() and not link.exists():
                    remove(link, f"{link.readlink()} is gone; its copy in data/raw is used")
            if not folder.exists():
                folder.mkdir()
                (folder / "watched.json").write_text("[]\n")  # DVC sees it, and runs `sources` again
        if verify:
            cache = subprocess.run(["dvc", "cache", "dir"], stdout=subprocess.PIPE, text=True, check=True).stdout
            remove_damaged(Path(cache.strip()) / "files" / "md5", [path for path in locks if path.exists()])


def remove(path: Path, reason: str) -> None:
    path.unlink()
    print(f"repair: removed {path}: {reason}", file=sys.stderr)


def remove_unreadable(path: Path) -> None:
    """Remove a dvc.lock or DVC's rwlock if DVC would refuse it."""
    if not path.exists():
        return
    try:
        read_lock(path) if path.suffix == ".lock" else json.loads(path.read_text(encoding="utf-8"))
    except (DvcException, ValueError) as error:
        is_merge = CONFLICT.search(path.read_bytes())
        reason = "a merge left conflicts in it" if is_merge else "DVC was killed while writing it"
        remove(path, f"{reason} ({str(error).splitlines()[0]})")


def read_lock(path: Path) -> dict:
    """Return the content of a dvc.lock. Raises DvcException where DVC would."""
    return strictyaml.load(str(path), COMPILED_LOCKFILE_SCHEMA)[0]


def remove_damaged(objects: Path, locks: list[Path]) -> None:
    """Remove files in DVC's cache (`objects`: <two digits of the md5>/<the others>) whose md5 is not their name, and
    outputs of the stages in `locks` with an md5 that neither the lock nor the cache knows."""
    cached = {path: path.parent.name + path.name.removesuffix(".dir") for path in sorted(objects.glob("??/*"))}
    outputs = [out for lock in locks for stage in read_lock(lock)["stages"].values() for out in stage.get("outs", [])]
    made = dict(file for out in outputs for file in files(Path(out["path"]), out["md5"], objects))
    expected = cached | {path: md5 for path, md5 in made.items() if path.is_file()}
    found = md5s(expected)
    known = {md5 for path, md5 in cached.items() if found[path] == md5}  # a lock of another commit has other versions
    damaged = [path for path, md5 in expected.items() if found[path] not in {md5, *(known if path in made else ())}]
    for path in damaged:
        remove(path, f"damaged, its md5 is {found[path]} instead of {expected[path]}")
    print(f"repair: {len(damaged)} of {len(expected)} files were damaged", file=sys.stderr)


def files(output: Path, md5: str, objects: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files of a stage's output with their md5. Those of a folder come from its listing in DVC's cache, if
    that is whole."""
    listing = objects / md5[:2] / md5[2:]
    if not md5.endswith(".dir"):
        yield output, md5
    elif listing.exists() and md5_of(listing) == md5.removesuffix(".dir"):
        for entry in json.loads(listing.read_text(encoding="utf-8")):
            yield output / entry["relpath"], entry["md5"]


def md5s(paths: Iterable[Path]) -> dict[Path, str]:
    """Return the md5 of each file; files that are links to each other are read once."""
    identities = {path: (os.stat(path).st_dev, os.stat(path).st_ino) for path in paths}
    one_each = {identity: path for path, identity in identities.items()}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(one_each, pool.map(md5_of, one_each.values()), strict=True))
    return {path: found[identity] for path, identity in identities.items()}


def md5_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verify", action="store_true", help="also compare all files with DVC's md5; reads every byte")
    main(verify=parser.parse_args().verify)
