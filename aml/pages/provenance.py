"""Where the results on the page come from: commit, versions, stages, and their times as this machine noted them."""

import platform
import statistics
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from itertools import product
from pathlib import Path

import yaml

from aml.params.reading import section
from aml.run_log import StageRun, device

MODULES = ("torch", "torchvision", "timm", "dvc", "faiss", "numpy", "pandas")
DISTRIBUTIONS = {"faiss": "faiss-gpu"}  # package names that differ from the module's
WRITTEN = (
    "reports/**",
    "data/**",
    "published/reports/**",
    "published/data/**",
    "**/dvc.lock",
)  # what a run writes, as git patterns


@dataclass(frozen=True)
class Family:
    """The stages of one name in dvc.yaml; `runs`: the last of each, if this machine noted one, as in `cells`."""

    name: str
    description: str
    cells: tuple[str, ...]
    runs: tuple[StageRun, ...]

    @property
    def median(self) -> float | None:
        return statistics.median(run.seconds for run in self.runs) if self.runs else None


def making() -> dict[str, str]:
    """Return `when` (ISO 8601, UTC, to the second) and on which `machine` the page is being made."""
    return {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": device()}


def commit() -> dict | None:
    """Return the `name` of the commit that is checked out around the working folder, and which paths are `changed`,
    except what a run writes; None without a repository or a commit."""
    try:
        name = _git("rev-parse", "HEAD")
    except subprocess.CalledProcessError:
        return None
    excluded = [f":(top,exclude,glob){path}" for path in WRITTEN]
    changed = _git("status", "--porcelain", "--", ":(top)", *excluded)
    return {"name": name.strip(), "changed": [line[3:] for line in changed.splitlines()]}


def installed() -> dict[str, str]:
    """Return versions of Python and of MODULES here; "not installed" for those that are not."""
    versions = {"python": platform.python_version()}
    for name in MODULES:
        try:
            versions[name] = metadata.version(DISTRIBUTIONS.get(name, name))
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def noted(families: Iterable[Family], name: str) -> str:
    """Return the versions of a module that stages noted, each once; "" if no stage noted one."""
    versions = (run.versions.get(name, "") for family in families for run in family.runs)
    return ", ".join(sorted(set(filter(None, versions))))


def families(graph: Iterable[Path], values: dict, runs: dict[str, StageRun]) -> list[Family]:
    """Return the stages in the dvc.yaml files `graph`, in their order. values: params.yaml; runs: the last run by
    stage."""
    found = []
    for path in graph:
        for name, stage in yaml.safe_load(path.read_text(encoding="utf-8"))["stages"].items():
            cells = tuple(_cells(name, stage.get("matrix", {}), values))
            found.append(Family(name, stage["desc"], cells, tuple(runs[cell] for cell in cells if cell in runs)))
    return found


def _cells(name: str, matrix: dict[str, str], values: dict) -> Iterator[str]:
    """Yield a stage's names as DVC makes them: name, or name@a-b for each combination of a matrix, whose axes are
    `${...}` of params.yaml."""
    axes = [section(values, axis.removeprefix("${").removesuffix("}")) for axis in matrix.values()]
    for cell in product(*axes):
        yield f"{name}@{'-'.join(map(str, cell))}" if cell else name


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout
