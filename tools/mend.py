"""Removes what DVC stops at, so that it starts again: its notes, where it was killed while writing them or a merge left
conflicts in them, and links to local files of a dataset that are gone, whose copies serve.

Not a stage: `make repro` calls it first. DVC writes dvc.lock and .dvc/tmp/rwlock in place; a kill -9 or a power cut in
that moment leaves a part of them, and a merge of two branches git's marks; then every dvc command refuses them. Nothing
is lost with such a file: DVC finds what was done in its cache, and the stages that it doesn't cache repeat what they
did. (What else a killed DVC leaves, it copes with by itself.)

Reads and removes, where DVC would refuse them: <locks>, dvc.lock files; .dvc/tmp/rwlock; links in data/local.
"""

import fcntl
import json
import re
import sys
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils import strictyaml

TEMPORARY = Path(".dvc/tmp")
LOCAL = Path("data/local")
CONFLICT = re.compile(rb"^<{7} ", re.MULTILINE)


def main(locks: list[Path]) -> None:
    TEMPORARY.mkdir(parents=True, exist_ok=True)
    with open(TEMPORARY / "lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # DVC's own: it is not writing now
        checks = dict.fromkeys(locks, read_lock) | {TEMPORARY / "rwlock": read_rwlock}
        for path, read in checks.items():
            try:
                if path.exists():
                    read(path)
            except (DvcException, ValueError) as error:
                is_merge = CONFLICT.search(path.read_bytes())
                reason = "in which a merge left conflicts" if is_merge else "which DVC was killed while writing"
                path.unlink()
                print(f"mend: removed {path}, {reason} ({str(error).splitlines()[0]})", file=sys.stderr)
    for link in LOCAL.glob("*/*"):
        if link.is_symlink() and not link.exists():
            print(f"mend: removed {link}: {link.readlink()} is gone; its copy in data/raw serves", file=sys.stderr)
            link.unlink()


def read_lock(path: Path) -> None:
    """Raises DvcException where DVC would."""
    strictyaml.load(str(path), COMPILED_LOCKFILE_SCHEMA)


def read_rwlock(path: Path) -> None:
    """Raises ValueError for what is no JSON."""
    json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
