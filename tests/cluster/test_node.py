"""`tools.cluster.node` without Ray: one stage runs, and stops when it should."""

import json
import subprocess
import sys
from dataclasses import asdict

from tests.cluster.conftest import Project, wait_until
from tests.pipeline.conftest import processes_in
from tools.cluster.orders import Order, Report

TRAIN = "cells/all/dvc.yaml:train@a"


def start(project: Project, address: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.cluster.node"],
        cwd=project.folder,
        env=project.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(json.dumps(asdict(Order(address))) + "\n")
    process.stdin.flush()
    return process


def test_a_stage_runs_and_ends_with_its_input(project):
    assert report(start(project, "prepare")) == Report("run", "run")
    assert report(start(project, "prepare")).result == "unchanged"

    (project.control / "hold").touch()
    process = start(project, TRAIN)
    wait_until(project.starts, process)
    second = start(project, TRAIN)  # as on another node, while the lost one's is still there
    process.stdin.close()
    assert json.loads(process.stdout.readline())["result"] == "stopped"
    assert process.wait(timeout=300) == 0
    assert not (project.folder / "models/a").exists()

    (project.control / "hold").unlink()
    assert report(second).result == "run"
    assert project.starts() == {"a": [str(project.folder)] * 2}


def report(process: subprocess.Popen) -> Report:
    line = process.stdout.readline()
    process.stdin.close()
    assert process.wait(timeout=300) == 0
    return Report(**json.loads(line))


def test_a_stage_ends_though_its_node_was_killed(project):
    assert report(start(project, "prepare")).result == "run"
    (project.control / "hold").touch()
    process = start(project, TRAIN)
    wait_until(project.starts, process)
    process.kill()
    process.stdin.close()
    wait_until(lambda: not processes_in(project.folder))
    assert not (project.folder / "models/a").exists()

    (project.control / "hold").unlink()
    (project.control / "fail-a").touch()
    failed = report(start(project, TRAIN))  # shows the end of its output
    assert failed.result == "failed" and "no luck with a" in failed.output
    assert not (project.folder / "models/a").exists()
    (project.control / "fail-a").unlink()
    assert report(start(project, TRAIN)).result == "run"
