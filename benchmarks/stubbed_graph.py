"""Copy the project's graph to a repository of its own, with commands that only write their outputs.

The time that is left is DVC's: stages, dependencies, parameters and lock files are the real ones.
"""

import re
import shutil
import subprocess
from pathlib import Path

import yaml

from aml.params.reading import read_parameters
from benchmarks.graph import ROOT, run_module

FILES = ("dvc.yaml", "params.yaml", ".dvcignore", "data/.gitignore", "models/.gitignore")
FOLDERS = ("aml", "stages", "synthetic", "tools", "graph")
SHORTER = ("teachers", "trained_teachers", "dimensions", "losses")  # of the grid: one of each in a quick run


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


class StubbedGraph(ProjectCopy):
    """The committed grid with the losses, teachers and sets given, and `num_students` students."""

    def __init__(self, folder: Path, num_students: int, *, quick: bool):
        super().__init__(folder)
        values = with_students(self.parameters(), num_students)
        if quick:
            values["grid"] |= {"datasets": values["grid"]["datasets"][:1]}
            values["grid"] |= {name: values["grid"][name][:1] for name in SHORTER}
            values["loss"] = values["grid"]["losses"][0]
        self.write_parameters(values)
        self.grid = values["grid"]
        self.num_cells = num_cells(self.grid, num_students)
        for path in (folder / "dvc.yaml", *folder.glob("graph/*/dvc.yaml")):
            path.write_text(yaml.safe_dump(stubbed(yaml.safe_load(path.read_text()), values), sort_keys=False))

    def num_done(self) -> int:
        """How many cells have results."""
        return len(list(self.folder.glob("reports/metrics/*.json")))


def num_cells(grid: dict, num_students: int) -> int:
    """The number of cells: teachers, and for each seed students with and without teacher."""
    of_teachers = len(grid["teachers"])
    of_students = num_students * (len(grid["dimensions"]) + of_teachers * len(grid["losses"]))
    return of_teachers + of_students * len(grid["seeds"])


def with_students(values: dict, num_students: int) -> dict:
    """The parameters with this many students, equal but for their names."""
    first = values["networks"][values["grid"]["students"][0]]
    students = [f"student{i}" for i in range(num_students)]
    values["grid"]["students"] = students
    values["networks"] |= {name: dict(first) for name in students}
    values |= {"student": students[0], "teacher": values["grid"]["teachers"][0], "loss": values["grid"]["losses"][0]}
    return values


def stubbed(graph: dict, values: dict) -> dict:
    """The stages with commands that write their outputs; in some folders, those files that later stages depend on."""
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
    """Shell commands that write each path, a file with a suffix or a folder with one file; all contents differ."""
    files = [path if "." in re.sub(r"\$\{.*?\}", "", path).rsplit("/", 1)[-1] else f"{path}/file" for path in paths]
    return [f"mkdir -p {Path(file).parent} && echo {file} > {file}" for file in files]
