"""`python -m tools.repro` on the small project: what `dvc repro` gives, the bytes of dvc.lock too."""

from tests.cluster.conftest import LOCKS, Project, assert_as_after_repro
from tests.pipeline.conftest import ran

REPRO = ("python", "-m", "tools.repro")


def locks(project: Project) -> list[bytes]:
    return [(project.folder / name).read_bytes() for name in LOCKS]


def test_all_is_as_after_dvc_repro(project, serial):
    assert len(ran(project.run(*REPRO))) == 9
    assert_as_after_repro(project, serial)
    assert locks(project) == locks(serial)
    assert "Data and pipelines are up to date." in project.run(*REPRO)


def test_a_change_runs_what_dvc_would_run_and_dvc_goes_on_from_it(serial, tmp_path):
    ours, theirs = serial.copy(tmp_path / "ours"), serial.copy(tmp_path / "theirs")
    for project in (ours, theirs):
        (project.folder / "params.yaml").write_text("seed: 1\ncells: [b, d]\n")
    first = ran(ours.run(*REPRO, "cells/all/dvc.yaml:train@d"))
    assert first == ["train@d"] == ran(theirs.dvc("repro", "cells/all/dvc.yaml:train@d"))
    assert ran(ours.run(*REPRO)) == ran(theirs.dvc("repro"))
    assert locks(ours) == locks(theirs) and ours.results() == theirs.results()
    (ours.folder / "metrics/b.txt").write_text("edited\n")
    assert ran(ours.dvc("repro")) == ["score@b"]


def test_past_a_failed_stage_others_run(project):
    (project.control / "fail-a").touch()
    output = project.run(*REPRO, "--keep-going", ok=False)
    assert "failed to reproduce" in output and "no luck with a" in output
    assert set(project.entries()[LOCKS[1]]["stages"]) == {"train@b", "train@c", "score@b", "score@c"}
    said = project.run(*REPRO, "nowhere", ok=False)
    assert said == "ERROR: Stage 'nowhere' not found inside 'dvc.yaml' file\n"
    assert "unrecognized arguments: --unknown" in project.run(*REPRO, "--unknown", ok=False)
