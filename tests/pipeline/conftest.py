"""A repository with a tiny grid, in which the whole graph runs in a minute, and copies of it to change."""

import contextlib
import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import yaml
from filelock import FileLock

from tests import ROOT, copy_tracked, set_at

COPIED = (
    "dvc.yaml",
    "graph",
    "params.yaml",
    "Makefile",
    ".gitignore",
    ".dvcignore",
    ".dvc",
    "data",
    "models",
    "aml",
    "stages",
    "synthetic",
    "tools",
)
TIMED = {f"reports/{name}" for name in ("complexity.csv", "complexity.tex", "index.html")}
SMALL = {  # parameters of small drawn sets, by layout
    "sfm": {
        "num_train_landmarks": 7,
        "num_val_landmarks": 7,
        "num_whitening_landmarks": 4,
        "queries_per_whitening_landmark": 1,
        "views_per_landmark": 3,
    },
    "revisited": {"num_landmarks": 2, "queries_per_landmark": 1, "views_per_landmark": 4, "num_other": 2},
    "distractors": {"num_images": 6},
}


@dataclass(frozen=True)
class Repository:
    """A git and DVC repository. Commands run in it with the `bin` of the tests' environment first in PATH."""

    folder: Path

    def run(self, *command: str, ok: bool = True) -> str:
        """Run a command; what it printed, both streams. It must succeed, or fail when `ok` is false."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1800,
        )
        assert (done.returncode == 0) is ok, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}"
        return done.stdout

    def dvc(self, *arguments: str, ok: bool = True) -> str:
        return self.run("dvc", *arguments, ok=ok)

    def environment(self) -> dict:
        home = self.folder.parent / f"{self.folder.name}-home"
        return os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(home / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(home / "global"),
            "DVC_SYSTEM_CONFIG_DIR": str(home / "system"),
            "GIT_CONFIG_GLOBAL": str(self.folder / ".git" / "config"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }

    def status(self) -> dict:
        """What `dvc status` finds out of date, by stage, without the paths of their dvc.yaml files; graph/search, which
        `dvc repro` leaves out, is left out."""
        found = json.loads(self.dvc("status", "--json")).items()
        return {name.rpartition(":")[2]: what for name, what in found if not name.startswith("graph/search/")}

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "a run")

    def edit(self, name: str, value) -> None:
        """Set one parameter in params.yaml; its name is dotted."""
        path = self.folder / "params.yaml"
        values = set_at(yaml.safe_load(path.read_text()), name, value)
        path.write_text(yaml.safe_dump(values, sort_keys=False))

    def entries(self) -> dict[str, dict]:
        """What the dvc.lock files have of each stage, by its name."""
        locks = [self.folder / "dvc.lock", *self.folder.glob("graph/*/dvc.lock")]
        return {
            name: of_stage for lock in locks for name, of_stage in yaml.safe_load(lock.read_text())["stages"].items()
        }

    def outputs(self, stage: str) -> dict[str, bytes]:
        """The bytes of every file that a stage wrote, by path; without those that show measured times."""
        roots = [self.folder / out["path"] for out in self.entries()[stage.rpartition(":")[2]]["outs"]]
        files = [path for root in roots for path in (root, *root.rglob("*")) if path.is_file()]
        found = {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}
        return {name: content for name, content in found.items() if name not in TIMED}

    def json(self, path: str):
        return json.loads((self.folder / path).read_text())

    def changes(self) -> set[str]:
        """The paths that differ from the last commit."""
        return {line[3:] for line in self.run("git", "status", "--porcelain").splitlines()}

    def experiments(self) -> list[dict]:
        """The rows of `dvc exp show` by column: the workspace, the branch, then the experiments."""
        return list(csv.DictReader(self.dvc("exp", "show", "--csv").splitlines()))

    def copy(self, folder: Path) -> "Repository":
        shutil.copytree(self.folder, folder, symlinks=True)
        return Repository(folder)


def processes_in(folder: Path) -> list[str]:
    """The commands of the processes that work in `folder`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # somebody else's; ended meanwhile
            found += [" ".join(process.cmdline())] if Path(process.cwd()).is_relative_to(folder) else []
    return found


def in_order(output: str) -> list[str]:
    """The stages whose commands DVC ran, with the paths of their dvc.yaml files."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage '")]


def ran(output: str) -> list[str]:
    """The same without the paths."""
    return [stage.rpartition(":")[2] for stage in in_order(output)]


def cells(repository: Repository) -> list[str]:
    """The keys of the teacher, of the student without teacher, of Contr+ and of Reg."""
    keys = (path.stem for path in (repository.folder / "reports/metrics").glob("*.json"))
    return sorted(keys, key=lambda key: (key.count("-"), key))


def tiny(values: dict) -> dict:
    """The committed parameters with one teacher, one student at its dimension, two losses, and little of every drawn
    set, without the others."""
    teacher, student = values["grid"]["teachers"][0], values["grid"]["students"][0]
    values |= {"student": student, "teacher": teacher, "loss": "contr_plus"}
    values["runtime"] |= {"device": "cpu", "num_workers": 0}
    values["grid"] |= {
        "teachers": [teacher],
        "trained_teachers": [teacher],
        "students": [student],
        "dimensions": values["grid"]["dimensions"][:1],
        "losses": ["contr_plus", "reg"],
    }
    values["networks"] = {name: values["networks"][name] for name in (teacher, student)}
    values["losses"] = {name: values["losses"][name] for name in ("contr", "contr_plus", "reg")}
    values["datasets"] = {name: dataset for name, dataset in values["datasets"].items() if dataset["synthetic"]}
    for names in (values["grid"]["datasets"], values["grid"]["test_sets"]):
        names[:] = [name for name in names if name in values["datasets"]]
    for number, dataset in enumerate(values["datasets"].values()):  # other seeds draw what needs larger images
        dataset["synthetic"] |= {"image_size": 32, "seed": number} | SMALL[dataset["layout"]]
    shrink_budgets(values, images_per_epoch=20, batch_size=10, epochs=2)
    return values


def shrink_budgets(values: dict, *, images_per_epoch: int, **training: int) -> None:
    """Make every training one short epoch of 32-pixel images, with other settings as given; extract at 32 pixels."""
    own = [values[name]["loss"] for name in ("train_teacher", "train_student")]
    for loss in (*values["losses"].values(), *own):
        loss["images_per_epoch"] = images_per_epoch
    for name in ("train_teacher", "train_student", "distill"):
        values[name] |= {"image_size": 32, "epochs": 1} | training
    for extraction in ("targets", "extract"):
        values[extraction]["image_size"] = 32
    values["complexity"] = {"sizes": [[32, 32]], "repeats": 1}


def initialised(folder: Path, *names: str) -> Repository:
    """A new git repository with this project's files below these names, none of them committed."""
    copy_tracked(folder, *names)
    (folder / "requirements.txt").touch()
    (folder / ".venv").mkdir()
    (folder / ".venv" / "ready").touch()  # make would install packages otherwise: the tests' own environment serves
    repository = Repository(folder)
    repository.run("git", "init", "--quiet", "--initial-branch", "main")
    for name, value in {"user.name": "A Tester", "user.email": "tester@example.org"}.items():
        repository.run("git", "config", name, value)
    return repository


def committed(folder: Path, values: dict) -> Repository:
    """Commit this project to a new repository, with `values` as its parameters; nothing has run."""
    repository = initialised(folder, *COPIED)
    for path in [*folder.rglob("dvc.lock"), *folder.glob("data/digests/*")]:  # of the committed run
        path.unlink()
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    repository.commit()
    return repository


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> tuple[Repository, str]:
    """The repository after `dvc repro`, committed, and what the run printed. Tests change copies of it.

    If tests run in several processes, the first one that asks makes it for all.
    """
    base = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        base = base.parent
    repository, printed = Repository(base / "finished"), base / "finished.txt"
    with FileLock(base / "finished.lock"):
        if not printed.exists():
            values = tiny(yaml.safe_load((ROOT / "params.yaml").read_text()))
            output = committed(repository.folder, values).dvc("repro")
            repository.commit()
            printed.write_text(output)
    return repository, printed.read_text()


@pytest.fixture
def repository(finished, tmp_path) -> Repository:
    """A copy of the finished repository, cache and all, to change."""
    return finished[0].copy(tmp_path / "repository")
