"""Copy the project's graph to a repository of its own, with commands that only write their outputs.

The time that is left is DVC's: stages, dependencies, parameters and lock files are the real ones.
"""

import re
import shutil
import subprocess
from pathlib import Path

import yaml

from aml.params.reading import read_parameters
from benchmarks.graph import run_module
from benchmarks.measure import ROOT

FILES = ("dvc.yaml", "params.yaml", ".dvcignore", "data/.gitignore", "models/.gitignore")
FOLDERS = ("aml", "stages", "synthetic", "tools", "graph")
SHORTER = ("datasets", "teachers", "trained_teachers", "dimensions", "losses")  # of the grid: one of each if quick


class ProjectCopy:
    """The project's code and parameters in a repository of their own, where nothing has run."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in FOLDERS:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "dvc.lock"))
        for name in FILES:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
        self.dvc("init", "--quiet")
        shutil.copyfile(ROOT / ".dvc/config", folder / ".dvc/config")

    def dvc(self, *arguments: str) -> str:
        """Run DVC and return what it prints."""
        return self.run_module("dvc", *arguments)

    def run_module(self, *arguments: str) -> str:
        """Run a module that uses DVC, apart from the user's own configuration and caches; what it prints."""
        home, kinds = f"{self.folder}-home", ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG")
        return run_module(self.folder, *arguments, **{f"DVC_{kind}_DIR": f"{home}/{kind.lower()}" for kind in kinds})

    def parameters(self) -> dict:
        return read_parameters(self.folder / "params.yaml")

    def write_parameters(self, values: dict) -> None:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))


def stubbed_graph(folder: Path, num_students: int, *, quick: bool) -> tuple[ProjectCopy, int]:
    """Return the committed grid with `num_students` students that differ in their names only; and the number of its
    cells, teachers and for each seed students with and without teacher."""
    project = ProjectCopy(folder)
    values = project.parameters()
    grid, first = values["grid"], values["networks"][values["grid"]["students"][0]]
    if quick:
        grid |= {name: grid[name][:1] for name in SHORTER}
    grid["students"] = [f"student{i}" for i in range(num_students)]
    values["networks"] |= {name: dict(first) for name in grid["students"]}
    values |= {"student": grid["students"][0], "teacher": grid["teachers"][0], "loss": grid["losses"][0]}
    project.write_parameters(values)
    for path in (folder / "dvc.yaml", *folder.glob("graph/*/dvc.yaml")):
        path.write_text(yaml.safe_dump(stubbed(yaml.safe_load(path.read_text()), values), sort_keys=False))
    of_a_student = len(grid["dimensions"]) + len(grid["teachers"]) * len(grid["losses"])
    return project, len(grid["teachers"]) + num_students * of_a_student * len(grid["seeds"])


def stubbed(graph: dict, values: dict) -> dict:
    """Return the stages with commands that write their outputs; in some folders, those files that later stages
    depend on."""
    kinds = [path.stem for path in (ROOT / "stages").glob("*.py")]
    named = [*kinds, *(f"{family}/{name}" for family in ("losses", "networks") for name in values[family])]
    inside = {
        "data/code": [f"data/code/{name}.json" for name in named],
        "data/local": [f"data/local/{name}" for name in values["grid"]["datasets"]],
        "data/weights": [f"data/weights/{name}/imagenet.safetensors" for name in values["networks"]],
        "models/${key}": ["models/${key}", "models/${key}/curves"],
        "reports/tables": ["reports/tables/intervals.csv", "reports/tables/differences.csv"],
    }
    for stage in graph["stages"].values():
        outs = [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
        outs = [next(iter(out)) if isinstance(out, dict) else out for out in outs]
        stage["cmd"] = " && ".join(written([path for out in outs for path in inside.get(out, [out])]))
    return graph


def written(paths: list[str]) -> list[str]:
    """Return shell commands that write each path, a file with a suffix or a folder with one file; all contents
    differ."""
    files = [path if "." in re.sub(r"\$\{.*?\}", "", path).rsplit("/", 1)[-1] else f"{path}/file" for path in paths]
    return [f"mkdir -p {Path(file).parent} && echo {file} > {file}" for file in files]
