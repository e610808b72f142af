"""The real graph with a tiny grid on two nodes, one of which is lost and replaced: the results are `dvc repro`'s."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cluster.conftest import ended, wait_until
from tests.pipeline.conftest import ROOT, Repository, committed, tiny

pytestmark = [pytest.mark.pipeline, pytest.mark.long, pytest.mark.usefixtures("ray_installed")]
TIMED = {f"reports/{name}" for name in ("complexity.csv", "complexity.tex", "index.html")}  # they show measured times
LOCKS = [f"{path.parent.relative_to(ROOT)}/dvc.lock" for path in (ROOT / "dvc.yaml", *ROOT.glob("graph/*/dvc.yaml"))]


def fresh(folder: Path) -> Repository:
    return committed(folder, tiny(yaml.safe_load((ROOT / "params.yaml").read_text())))


def entries(repository: Repository) -> list[dict]:
    """What is in each dvc.lock, with the hashes of all but TIMED; the order of stages is that of their ends."""
    locks = [yaml.safe_load((repository.folder / name).read_text()) for name in LOCKS]
    for part in (part for lock in locks for stage in lock["stages"].values() for part in stage["deps"] + stage["outs"]):
        if part["path"] in TIMED:
            del part["md5"], part["size"]
    return locks


def reports(repository: Repository) -> dict[str, bytes]:
    paths = {str(path.relative_to(repository.folder)): path for path in (repository.folder / "reports").rglob("*.*")}
    return {name: path.read_bytes() for name, path in paths.items() if name not in TIMED}


def test_the_grid_is_complete_and_the_same_though_a_node_is_lost(tmp_path, monkeypatch):
    serial = fresh(tmp_path / "serial")
    serial.dvc("repro")
    repository = fresh(tmp_path / "repository")
    for name, value in repository.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(repository.folder)
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    try:
        # what it calls its GPU decides where networks are trained and tested; they compute on the CPU
        second = cluster.add_node(num_cpus=1, num_gpus=1)
        command = [sys.executable, "-m", "tools.cluster", "--address", cluster.address]
        run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: list(repository.folder.glob("models/.*.tmp")), run)  # half a network
        cluster.remove_node(second, allow_graceful=False)
        cluster.add_node(num_cpus=1, num_gpus=1)
        said = ended(run, timeout=1200)
    finally:
        cluster.shutdown()
    started = re.findall(r"^(.*): started on", said, flags=re.MULTILINE)
    assert len(started) == len(set(started)) + 1  # the stage that moved on
    assert "failed" not in said
    assert repository.status() == {}
    assert entries(repository) == entries(serial)
    assert reports(repository) == reports(serial)
