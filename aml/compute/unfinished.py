"""Unfinished work: what a stage has done of an output that is not complete, for the run that goes on with it.

It stands beside the output, as `.<output>.work/<digest>`: on the disk that holds the output, and not in it, since DVC
empties an output before its stage runs. The digest is of all that the result depends on, so that work of another model,
setting or version of the code is never taken up. Files in it are written with `aml.files.atomic.replacing`: one that
has its name is complete.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

from aml.files.digests import syntax_sha256

PROJECT = Path(__file__).parents[2]


def work_folder(output: Path, depends: dict) -> Path:
    """The folder for the unfinished work of `output`: made, or as an interrupted run with equal `depends` left it.

    `depends` is JSON: the sha256 of code and inputs, the settings. Work of other ones at the same output goes away:
    at most one folder an output takes room on the disk.
    """
    text = json.dumps(depends, sort_keys=True, allow_nan=False)
    folder = _parent(output) / hashlib.sha256(text.encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def remove_work(output: Path) -> None:
    """Forget the unfinished work of `output`, which is complete."""
    shutil.rmtree(_parent(output), ignore_errors=True)


def code_digest() -> str:
    """sha256 of this project's modules that are loaded, comments, docstrings and layout aside: call it when what the
    stage needs has been imported."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    folders = [PROJECT / name for name in ("aml", "stages", "synthetic")]
    ours = {Path(file) for file in files if file and any(Path(file).is_relative_to(folder) for folder in folders)}
    digest = hashlib.sha256()
    for path in sorted(ours):
        digest.update(f"{path.relative_to(PROJECT)} {syntax_sha256(path)}\n".encode())
    return digest.hexdigest()


def _parent(output: Path) -> Path:
    output = Path(output)
    return output.with_name(f".{output.name}.work")
