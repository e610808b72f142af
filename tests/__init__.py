"""What tests of several rooms share: the project's folder, its tracked files, changes of nested values."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def copy_tracked(folder: Path, *names: str) -> None:
    """Copy the project's files to `folder`, those that git tracks or would: all, or those below these names."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *names]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for path in files.rstrip("\0").split("\0"):
        if os.path.lexists(ROOT / path):  # else in the index, but deleted
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / path, follow_symlinks=False)


def set_at(values: dict, name: str, value) -> dict:
    """The same nested dicts, with `value` at the dotted name."""
    *parents, last = name.split(".")
    section = values
    for parent in parents:
        section = section[parent]
    section[last] = value
    return values
