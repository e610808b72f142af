"""The small project by Ray: on one machine, and on two nodes with a folder each. A lost node: test_grid.py."""

import contextlib
import signal
import subprocess

import pytest

from tests.cluster.conftest import CELLS, assert_as_after_repro, ended, wait_until
from tests.pipeline.conftest import processes_in

pytestmark = pytest.mark.usefixtures("ray_installed")


@pytest.mark.long
def test_one_machine(project, serial):
    """Interrupted, then past a failed cell, then to the end: as after `dvc repro`."""
    (project.control / "hold").touch()
    run = project.start()
    wait_until(project.starts, run)
    run.send_signal(signal.SIGINT)
    said = ended(run, status=130)
    assert "cluster: stopping" in said and "run" in said
    assert not processes_in(project.folder)
    assert not [path for path in project.results() if path.startswith("models")]

    (project.control / "hold").unlink()
    (project.control / "fail-a").touch()
    said = ended(project.start("--keep-going"), status=1)
    assert "no luck with a" in said
    assert "failed: cells/all/dvc.yaml:train@a\n" in said
    assert "skipped: cells/all/dvc.yaml:score@a, summary\n" in said
    assert {"metrics/b.txt", "metrics/c.txt"} <= set(project.results())

    (project.control / "fail-a").unlink()
    assert "cluster: 3 run;" in ended(project.start())
    assert_as_after_repro(project, serial)
    assert "cluster: nothing to do" in ended(project.start())


@pytest.fixture
def two_nodes(project, tmp_path, monkeypatch):
    """A cluster whose first node has one CPU, and a function that adds a node with two, which works in a folder."""
    from ray.cluster_utils import Cluster

    for name, value in project.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(project.folder)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})

    def add(folder, **gpus):
        with contextlib.chdir(folder):
            return cluster.add_node(num_cpus=2, **gpus)

    yield cluster, add
    cluster.shutdown()


@pytest.mark.long
def test_a_node_with_a_clone(project, serial, two_nodes, tmp_path):
    cluster, add = two_nodes
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", project.folder, clone], check=True)
    parameters = clone / "params.yaml"
    parameters.write_text(parameters.read_text().replace("seed: 0", "seed: 7"))  # of an earlier run there
    add(clone)
    (project.control / "hold").touch()
    run = project.start("--address", cluster.address, "--remote", "store")
    wait_until(lambda: set(project.starts()) == set(CELLS), run)
    (project.control / "hold").unlink()
    said = ended(run)
    assert f"cluster: {3 + 2 * len(CELLS)} run;" in said
    assert sorted(project.starts().values()) == sorted([[str(clone)], [str(clone)], [str(project.folder)]])
    assert_as_after_repro(project, serial)


@pytest.mark.long
def test_each_stage_has_a_gpu_of_its_own(project, serial, two_nodes):
    """Ray only counts these GPUs; none is used."""
    cluster, add = two_nodes
    add(project.folder, num_gpus=2)
    (project.control / "hold").touch()
    run = project.start("--address", cluster.address)
    wait_until(lambda: len(project.starts()) == 2, run)
    assert sorted(file.read_text().strip() for file in project.control.glob("gpu-*")) == ["0", "1"]
    (project.control / "hold").unlink()
    ended(run)
    assert_as_after_repro(project, serial)
