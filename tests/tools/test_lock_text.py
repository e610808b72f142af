"""Entries of dvc.lock as tools.repro writes them: DVC's own bytes, and never half a file. tools/lock_text.py itself is
tested with the change for DVC: tests/docs/test_upstream.py."""

import time
from pathlib import Path
from random import Random

import pytest
from dvc.utils.serialize import modify_yaml

from tests.tools.drawn_locks import changes, entry
from tools import repro
from tools.lock_text import is_own_form


def round_trip(path: Path, name: str, new: dict) -> None:
    """What DVC does to its file."""
    with modify_yaml(path) as content:
        content.setdefault("schema", "2.0")
        content.setdefault("stages", {})[name] = new


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("seed", range(3))
def test_files_have_dvc_s_bytes(folder, seed):
    """From no file on; DVC and the cluster take turns; then somebody writes a comment."""
    random, ours, dvcs = Random(seed), Path("dvc.lock"), Path("dvcs.lock")
    for turn, (name, new) in enumerate(changes(random, 40)):
        new = new or entry(random)
        round_trip(dvcs, name, new)
        if turn % 5 == 4:
            round_trip(ours, name, new)
        else:
            repro.write_entries(ours, {name: new})
        if turn == 20:
            for path in (ours, dvcs):
                path.write_text(f"# by hand\n{path.read_text()}")
        assert ours.read_bytes() == dvcs.read_bytes()


def test_a_text_is_checked_once(folder, monkeypatch):
    path, checked = Path("dvc.lock"), []
    monkeypatch.setattr(repro, "is_own_form", lambda text: checked.append(text) or is_own_form(text))
    for number in range(5):
        repro.write_entries(path, {f"stage{number}": {"cmd": "true"}})
    assert len(checked) == 2  # of the empty file, and of the first one
    time.sleep(0.01)
    before = path.stat().st_mtime_ns
    repro.write_entries(path, {"stage3": {"cmd": "true"}})
    assert path.stat().st_mtime_ns == before


def test_a_file_is_replaced_in_one_step(folder):
    """Whoever has opened it, or kills the writer, has it whole."""
    path = Path("dvc.lock")
    repro.write_entries(path, {"first": {"cmd": "true"}})
    before = path.read_text()
    with open(path) as opened:
        repro.write_entries(path, {"second": {"cmd": "true"}})
        assert opened.read() == before != path.read_text()
