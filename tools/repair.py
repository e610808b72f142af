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
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils import strictyaml
from dvc_data.hashfile.state import StateNoop

TEMPORARY = Path(".dvc/tmp")
LOCAL = Path("data/local")
CONFLICT = re.compile(rb"^<{7} ", re.MULTILINE)


def main(*, verify: bool = False) -> None:
    TEMPORARY.mkdir(parents=True, exist_ok=True)
    with open(TEMPORARY / "lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # DVC's own lock: no other process writes now
        for path in (Path("dvc.lock"), *sorted(Path().glob("graph/*/dvc.lock")), TEMPORARY / "rwlock"):
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
            remove_damaged()


def remove(path: Path, reason: str) -> None:
    path.unlink()
    print(f"repair: removed {path}: {reason}", file=sys.stderr)


def remove_unreadable(path: Path) -> None:
    """Remove a dvc.lock or DVC's rwlock if DVC would refuse it."""
    if not path.exists():
        return
    try:
        if path.suffix == ".lock":
            strictyaml.load(str(path), COMPILED_LOCKFILE_SCHEMA)
        else:
            json.loads(path.read_text(encoding="utf-8"))
    except (DvcException, ValueError) as error:
        is_merge = CONFLICT.search(path.read_bytes())
        reason = "a merge left conflicts in it" if is_merge else "DVC was killed while writing it"
        remove(path, f"{reason} ({str(error).splitlines()[0]})")


def remove_damaged() -> None:
    """Remove files in DVC's cache whose md5 is not their name, and outputs that are neither what dvc.lock says nor
    another version that the cache has."""
    with Repo() as repo:
        repo.state = StateNoop()  # else DVC believes the md5 that it has noted for a file of the same size and time
        objects = sorted(Path(repo.cache.local.path).glob("??/*"))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            md5s = zip(objects, pool.map(md5_of, objects), strict=True)
            damaged = [path for path, md5 in md5s if md5 != path.parent.name + path.name.removesuffix(".dir")]
        for path in damaged:
            remove(path, "damaged, its md5 is not its name")
        changed = repo.data_status(granular=True)["uncommitted"].get("modified", [])
        uncached = [out for out in repo.index.outs if not out.use_cache and out.hash_info]
        changed += [str(out) for out in uncached if out.isfile() and md5_of(Path(str(out))) != out.hash_info.value]
        outputs = [path for path in map(Path, changed) if path.is_file() and not repo.cache.local.exists(md5_of(path))]
        for path in outputs:
            remove(path, "damaged, its md5 is not that in dvc.lock")
    print(f"repair: {len(damaged + outputs)} files were damaged", file=sys.stderr)


def md5_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verify", action="store_true", help="also compare all files with DVC's md5; reads every byte")
    main(verify=parser.parse_args().verify)
