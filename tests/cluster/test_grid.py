"""The real graph on a tiny grid, on two nodes of which one is lost: as after `dvc repro`. Minutes."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cluster.conftest import ended, wait_until
from tests.pipeline.conftest import ROOT, Repository, committed, tiny

pytestmark = [pytest.mark.pipeline, pytest.mark.long, pytest.mark.usefixtures("ray_installed")]
LOCKS = ("dvc.lock", "graph/train/dvc.lock", "graph/extract/dvc.lock", "graph/evaluate/dvc.lock")


def fresh(folder: Path) -> Repository:
    return committed(folder, tiny(yaml.safe_load((ROOT / "params.yaml").read_text())))


def entries(repository: Repository) -> list[dict]:
    """What is in each dvc.lock, hashes of every input and output; the order of stages is that of their ends."""
    return [yaml.safe_load((repository.folder / name).read_text()) for name in LOCKS]


def test_the_grid_is_complete_and_the_same_though_a_node_is_lost(tmp_path, monkeypatch):
    serial = fresh(tmp_path / "serial")
    serial.dvc("repro")
    repository = fresh(tmp_path / "repository")
    for name, value in repository.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(repository.folder)
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        second = cluster.add_node(num_cpus=1)
        command = [sys.executable, "-m", "stages.cluster", "--address", cluster.address]
        run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        # two temporary folders of training or extraction: one is the second node's
        halves = ("models/.*.tmp", "data/targets/.*.tmp", "data/descriptors/.*.tmp")
        wait_until(lambda: sum(len(list(repository.folder.glob(half))) for half in halves) == 2, run, seconds=200)
        cluster.remove_node(second, allow_graceful=False)
        said = ended(run)
    finally:
        cluster.shutdown()
    assert "failed" not in said, said
    assert repository.status() == {}
    assert entries(repository) == entries(serial)
    for path in (serial.folder / "reports").rglob("*.*"):
        assert (repository.folder / path.relative_to(serial.folder)).read_bytes() == path.read_bytes(), path
