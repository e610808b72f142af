"""Runs single stages on the results of a finished repository; their outputs go to a folder `out` elsewhere."""

import shlex
import subprocess
import sys
from pathlib import Path

import yaml

from tests.pipeline.conftest import Repository


def entry(repository: Repository, kind: str) -> dict:
    """What a dvc.lock has of the first stage of this kind, as `distill` or `tables`."""
    return min((name, of_stage) for name, of_stage in repository.entries().items() if name.split("@")[0] == kind)[1]


def arguments(of_stage: dict) -> list[str]:
    """Python's arguments for a stage, with outputs in `out`."""
    _, *words = shlex.split(of_stage["cmd"])
    outs = [Path(out["path"]) for out in of_stage["outs"]]
    return [f"out/{word}" if any(out.is_relative_to(word) for out in outs) else word for word in words]


def beside(repository: Repository, folder: Path, *, num_workers: int) -> Path:
    """Fill `folder` with links to what stages read, and with parameters that have another number of workers."""
    for name in ("aml", "stages", "synthetic", "data", "models", "reports"):
        (folder / name).symlink_to(repository.folder / name)
    values = yaml.safe_load((repository.folder / "params.yaml").read_text())
    values["runtime"]["num_workers"] = num_workers
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    return folder


def run_stage(
    folder: Path, repository: Repository, kind: str, *, limit: str = "", **environment: str
) -> subprocess.CompletedProcess:
    """Run a stage in `folder`; limit: arguments of bash's ulimit."""
    words = arguments(entry(repository, kind))
    command = ["bash", "-c", f'ulimit {limit}; exec "$@"', "bash", sys.executable, *words]
    return subprocess.run(
        command, cwd=folder, env=repository.environment() | environment, capture_output=True, text=True
    )
