"""A small DVC project of shell commands in the shape of the real graph: a dvc.yaml for the cells, a stage that reads a
folder of their outputs, results outside the cache."""

import contextlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.pipeline.conftest import Repository, initialised

CELLS = ("a", "b", "c")
LOCKS = ("dvc.lock", "cells/all/dvc.lock")
ROOT_STAGES = """
stages:
  check:
    cmd: grep seed params.yaml > checked.txt
    deps: [params.yaml]
    outs:
    - checked.txt:
        cache: false
  prepare:
    cmd: mkdir -p data/raw && cp source.txt data/raw/x
    deps: [source.txt]
    outs: [data]
  summary:
    cmd: cat metrics/*.txt > summary.txt
    deps: [metrics]
    outs:
    - summary.txt:
        cache: false
"""
CELL_STAGES = """
vars: [../../params.yaml]
stages:
  train:
    matrix:
      cell: ${cells}
    wdir: ../..
    meta:
      gpu: true
    cmd: sh train.sh ${item.cell} models/${item.cell} ${seed}
    deps: [train.sh, data/raw/x]
    params: [seed]
    outs: ["models/${item.cell}"]
  score:
    matrix:
      cell: ${cells}
    wdir: ../..
    cmd: wc -c < models/${item.cell}/weights > metrics/${item.cell}.txt
    deps: ["models/${item.cell}"]
    outs:
    - metrics/${item.cell}.txt:
        cache: false
"""
TRAIN = """# Notes that it started, where, on which GPU; waits while somebody holds it; fails where somebody says so.
echo "$CUDA_VISIBLE_DEVICES" > {control}/gpu-$1
echo "$PWD" >> {control}/starts-$1
while [ -e {control}/hold ]; do sleep 0.05; done
test ! -e {control}/fail-$1 || {{ echo "no luck with $1"; exit 1; }}
mkdir $2 && {{ echo $1 $3 $OMP_NUM_THREADS; cat data/raw/x; }} > $2/weights
"""


@pytest.fixture(scope="session")
def ray_installed():
    """Skip without Ray, or fail if the environment has CLUSTER_TESTS=required."""
    if importlib.util.find_spec("ray") is None:
        if os.environ.get("CLUSTER_TESTS") == "required":
            pytest.fail("CLUSTER_TESTS is required, and Ray is not installed")
        pytest.skip("needs Ray: pip install --requirement requirements-cluster.txt")


@dataclass(frozen=True)
class Project(Repository):
    """A copy of the small project; through the folder `control`, outside it, tests steer its commands."""

    control: Path

    def environment(self) -> dict:
        found = super().environment() | {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "3"}  # Ray sets 1
        return {name: value for name, value in found.items() if name != "RAY_ADDRESS"}

    def start(self, *arguments: str) -> subprocess.Popen:
        """`python -m tools.cluster`, its lines on standard error."""
        return subprocess.Popen(
            [sys.executable, "-m", "tools.cluster", *arguments],
            cwd=self.folder,
            env=self.environment(),
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
        )

    def starts(self) -> dict[str, list[str]]:
        """The folders in which each cell's training started, by cell."""
        files = sorted(self.control.glob("starts-*"))
        return {file.name.removeprefix("starts-"): file.read_text().split() for file in files}

    def results(self) -> dict:
        """What stages and DVC have written, the caches too, by path: bytes of files, contents of locks.

        Left out is what depends on the order of the ends: that of lines in DVC's .gitignore files and of stages in a
        dvc.lock.
        """
        paths = {path.relative_to(self.folder).as_posix(): path for path in self.folder.rglob("*") if path.is_file()}
        return {
            name: yaml.safe_load(path.read_text()) if path.name == "dvc.lock" else path.read_bytes()
            for name, path in paths.items()
            if not re.match(r"\.git/|\.dvc/tmp/|.*(__pycache__/|\.gitignore$)", name)
        }

    def copy(self, folder: Path) -> "Project":
        return Project(super().copy(folder).folder, self.control)


@contextlib.contextmanager
def cluster_of(repository: Repository, monkeypatch, **resources: int) -> Iterator:
    """Start Ray's cluster with one node in the repository's folder and environment; nodes may be added."""
    from ray.cluster_utils import Cluster

    for name, value in repository.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(repository.folder)
    cluster = Cluster(initialize_head=True, head_node_args=resources | {"include_dashboard": False})
    try:
        yield cluster
    finally:
        cluster.shutdown()


def ended(process: subprocess.Popen, status: int = 0, timeout: float = 600) -> str:
    try:
        _, said = process.communicate(timeout=timeout)
    finally:
        process.kill()
    assert process.returncode == status, said
    return said


def wait_until(true, process: subprocess.Popen | None = None, seconds: float = 300) -> None:
    """Wait until `true()`; fail with the output of the process if that ends before."""
    deadline = time.monotonic() + seconds
    while not true():
        if (process and process.poll() is not None) or time.monotonic() > deadline:
            if process:
                process.kill()
            pytest.fail(str(process and process.communicate()))
        time.sleep(0.05)


@pytest.fixture(scope="session")
def untouched(tmp_path_factory) -> Project:
    """The project before any run. Tests change copies of it."""
    base = tmp_path_factory.mktemp("cluster")
    initialised(base / "untouched", ".dvc", "aml", "stages", "synthetic", "tools")
    project = Project(base / "untouched", base / "control")
    project.control.mkdir()
    files = {
        "dvc.yaml": ROOT_STAGES,
        "cells/all/dvc.yaml": CELL_STAGES,
        "train.sh": TRAIN.format(control=project.control),
        "params.yaml": f"seed: 0\ncells: [{', '.join(CELLS)}]\n",
        "source.txt": "light\n" * 100,
        "metrics/.gitignore": "\n",
        "models/.gitignore": "\n",
        ".gitignore": "__pycache__\n/.venv\n",
    }
    for name, text in files.items():
        path = project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project.dvc("remote", "add", "store", str(base / "store"))
    project.commit()
    return project


@pytest.fixture(scope="session")
def serial(untouched) -> Project:
    """The project after `dvc repro`, whose results the cluster must give too."""
    project = untouched.copy(untouched.folder.parent / "serial")
    project.dvc("repro")
    forget(project)
    return project


@pytest.fixture
def project(untouched, tmp_path):
    yield untouched.copy(tmp_path / "project")
    forget(untouched)


def forget(project: Project) -> None:
    """Empty the control folder, or the next run would obey and count what belongs to the last."""
    for file in project.control.iterdir():
        file.unlink()


def assert_as_after_repro(project: Project, serial: Project) -> None:
    assert project.results() == serial.results() and project.status() == {}
