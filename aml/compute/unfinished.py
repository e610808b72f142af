"""Unfinished work: the part of its output that an interrupted stage has done, kept for the run that continues it.

It is in `.<output>.partial/<digest>`, beside the output: on the same disk, but not inside the output, which DVC empties
before its stage runs. The digest covers all that the result depends on, so that work of another model, setting or
version of the code is never used. Write files there with `aml.files.atomic.replacing`, so that a file under its final
name is complete.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

from aml.files.digests import syntax_sha256

PROJECT = Path(__file__).parents[2]


def partial_folder(output: Path, depends: dict) -> Path:
    """Return the folder for unfinished work of `output`: a new one, or the one that an interrupted run with equal
    `depends` left.

    depends: JSON with the sha256 of code and inputs, and the settings. Unfinished work of the same output with other
    `depends` is removed.
    """
    text = json.dumps(depends, sort_keys=True, allow_nan=False)
    folder = _parent(output) / hashlib.sha256(text.encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def remove_partial(output: Path) -> None:
    """Remove the unfinished work of `output`, which is complete."""
    shutil.rmtree(_parent(output), ignore_errors=True)


def code_digest() -> str:
    """Return the sha256 of this project's modules that are loaded, without comments, docstrings and layout.

    Call it after all that the stage needs has been imported.
    """
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    folders = [PROJECT / name for name in ("aml", "stages", "synthetic")]
    ours = {Path(file) for file in files if file and any(Path(file).is_relative_to(folder) for folder in folders)}
    digest = hashlib.sha256()
    for path in sorted(ours):
        digest.update(f"{path.relative_to(PROJECT)} {syntax_sha256(path)}\n".encode())
    return digest.hexdigest()


def _parent(output: Path) -> Path:
    output = Path(output)
    return output.with_name(f".{output.name}.partial")
