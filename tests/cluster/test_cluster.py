"""The small project by Ray: on one machine, on two nodes with a folder and GPUs each, and on nodes that share one."""

import contextlib
import re
import signal
import subprocess

import pytest

from tests.cluster.conftest import CELLS, assert_as_after_repro, cluster_of, ended, wait_until
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


@pytest.mark.long
def test_a_node_with_a_clone(project, serial, tmp_path, monkeypatch):
    """Each training has a GPU of its own; Ray only counts these GPUs, none is used."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", project.folder, clone], check=True)
    parameters = clone / "params.yaml"
    parameters.write_text(parameters.read_text().replace("seed: 0", "seed: 7"))  # of an earlier run there
    with cluster_of(project, monkeypatch, num_cpus=1, num_gpus=1) as cluster:
        with contextlib.chdir(clone):
            cluster.add_node(num_cpus=2, num_gpus=2)
        (project.control / "hold").touch()
        run = project.start("--address", cluster.address, "--remote", "store")
        wait_until(lambda: set(project.starts()) == set(CELLS), run)
        (project.control / "hold").unlink()
        said = ended(run)
    assert f"cluster: {3 + 2 * len(CELLS)} run;" in said
    assert sorted(project.starts().values()) == sorted([[str(clone)], [str(clone)], [str(project.folder)]])
    assert sorted(file.read_text().strip() for file in project.control.glob("gpu-*")) == ["0", "0", "1"]
    assert_as_after_repro(project, serial)


@pytest.mark.long
def test_a_stage_moves_on_from_a_node_that_is_lost(project, serial, monkeypatch):
    with cluster_of(project, monkeypatch, num_cpus=2) as cluster:
        second = cluster.add_node(num_cpus=1, num_gpus=1)  # the one node for trainings
        (project.control / "hold").touch()
        run = project.start("--address", cluster.address)
        wait_until(project.starts, run)
        cluster.remove_node(second, allow_graceful=False)
        cluster.add_node(num_cpus=1, num_gpus=1)
        wait_until(lambda: sum(map(len, project.starts().values())) == 2, run)
        (project.control / "hold").unlink()
        said = ended(run)
    started = re.findall(r"^(.*): started on", said, flags=re.MULTILINE)
    assert len(started) == len(set(started)) + 1 and "failed" not in said
    assert_as_after_repro(project, serial)
