"""`python -m tools.repro` on the small project: what `dvc repro` gives, the bytes of dvc.lock too."""

import subprocess
import sys

import yaml

from tests.cluster.conftest import Project, assert_as_after_repro
from tests.pipeline.conftest import ran

LOCKS = ("dvc.lock", "cells/all/dvc.lock")


def run(project: Project, *arguments: str) -> subprocess.CompletedProcess:
    return project.command(sys.executable, "-m", "tools.repro", *arguments)


def locks(project: Project) -> list[bytes]:
    return [(project.folder / name).read_bytes() for name in LOCKS]


def test_all_is_as_after_dvc_repro(project, serial):
    done = run(project)
    assert done.returncode == 0 and len(ran(done.stdout)) == 9, done
    assert_as_after_repro(project, serial)
    assert locks(project) == locks(serial)
    assert "Data and pipelines are up to date." in run(project).stdout


def test_a_change_runs_what_dvc_would_run_and_dvc_goes_on_from_it(serial, tmp_path):
    ours, theirs = serial.copy(tmp_path / "ours"), serial.copy(tmp_path / "theirs")
    for project in (ours, theirs):
        (project.folder / "params.yaml").write_text("seed: 1\ncells: [b, d]\n")
    first = ran(run(ours, "cells/all/dvc.yaml:train@d").stdout)
    assert first == ["train@d"] == ran(theirs.dvc("repro", "cells/all/dvc.yaml:train@d"))
    assert ran(run(ours).stdout) == ran(theirs.dvc("repro"))
    assert locks(ours) == locks(theirs) and ours.results() == theirs.results()
    (ours.folder / "metrics/b.txt").write_text("edited\n")
    assert ran(ours.dvc("repro")) == ["score@b"]


def test_past_a_failed_stage_others_run(project):
    (project.control / "fail-a").touch()
    done = run(project, "--keep-going")
    assert done.returncode == 255 and "failed to reproduce" in done.stderr and "no luck with a" in done.stdout
    entries = yaml.safe_load((project.folder / LOCKS[1]).read_text())["stages"]
    assert set(entries) == {"train@b", "train@c", "score@b", "score@c"}
    done = run(project, "nowhere")
    assert done.returncode == 255 and done.stderr == "ERROR: Stage 'nowhere' not found inside 'dvc.yaml' file\n"
    assert run(project, "--unknown").returncode == 254
