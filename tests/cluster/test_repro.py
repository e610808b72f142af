"""`python -m tools.repro` on the small project: what `dvc repro` gives, the bytes of dvc.lock too.

tests/docs/test_upstream.py tests tools/lock_text.py, with the change for DVC.
"""

import time
from pathlib import Path

from tests.cluster.conftest import LOCKS, Project, assert_as_after_repro
from tests.pipeline.conftest import ran
from tools import repro

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
        lock = project.folder / LOCKS[1]
        lock.write_text(f"# by hand\n{lock.read_text()}")
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
    assert set(project.results()[LOCKS[1]]["stages"]) == {"train@b", "train@c", "score@b", "score@c"}
    said = project.run(*REPRO, "nowhere", ok=False)
    assert said == "ERROR: Stage 'nowhere' not found inside 'dvc.yaml' file\n"
    assert "unrecognized arguments: --unknown" in project.run(*REPRO, "--unknown", ok=False)


def test_a_text_is_checked_once_and_replaced_in_one_step(tmp_path, monkeypatch):
    """Whoever has opened a file, or kills the writer, has it whole."""
    monkeypatch.chdir(tmp_path)
    path, checked, is_own_form = Path("dvc.lock"), [], repro.is_own_form
    monkeypatch.setattr(repro, "is_own_form", lambda text: checked.append(text) or is_own_form(text))
    for number in range(4):
        repro.write_entries(path, {f"stage{number}": {"cmd": "true"}})
    before = path.read_text()
    with open(path) as opened:
        repro.write_entries(path, {"stage4": {"cmd": "true"}})
        assert opened.read() == before != path.read_text()
    assert len(checked) == 2  # the empty file, and the first one
    time.sleep(0.01)
    written = path.stat().st_mtime_ns
    repro.write_entries(path, {"stage3": {"cmd": "true"}})
    assert path.stat().st_mtime_ns == written
