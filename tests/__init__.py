"""What tests of several rooms share: the project's folder and files, its graph, changes of nested values and of bytes,
programs, tables."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def copy_tracked(folder: Path, *names: str) -> None:
    """Copy the project's files to `folder`, those that git tracks or would: all, or those below these names."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *names]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for path in files.rstrip("\0").split("\0"):
        if os.path.lexists(ROOT / path):  # else in the index, but deleted
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / path, follow_symlinks=False)


def stages_of_the_graph() -> dict[str, dict]:
    """The stages of dvc.yaml and of graph/*/dvc.yaml, by name, as they are written."""
    files = [ROOT / "dvc.yaml", *sorted((ROOT / "graph").rglob("dvc.yaml"))]
    return {name: stage for file in files for name, stage in yaml.safe_load(file.read_text())["stages"].items()}


def set_at(values: dict, name: str, value) -> dict:
    """The same nested dicts, with `value` at the dotted name."""
    *parents, last = name.split(".")
    section = values
    for parent in parents:
        section = section[parent]
    section[last] = value
    return values


def flipped(data: bytes, place: int, bits: int = 1) -> bytes:
    """The same bytes, but for some bits of the one at `place`."""
    place %= len(data)
    return data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read_rows(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file, each by column."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def python(*arguments, **options) -> subprocess.CompletedProcess:
    """What `python <arguments>` did, in the project's folder unless `options`, subprocess.run's, say another."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, **{"cwd": ROOT, "capture_output": True, "text": True} | options)
