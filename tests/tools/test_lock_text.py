"""Entries of dvc.lock as tools.repro writes them: DVC's own bytes, and never half a file."""

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from dvc.utils.serialize import dumps_yaml, modify_yaml, parse_yaml

from tests import ROOT
from tests.tools.drawn_locks import changes, entry
from tools import repro
from tools.lock_text import is_own_form, spliced


def round_trip(path: Path, name: str, new: dict | None) -> None:
    """What DVC does to its file."""
    with modify_yaml(path) as content:
        content.setdefault("schema", "2.0")
        stages = content.setdefault("stages", {})
        if new is None:
            stages.pop(name, None)
        else:
            stages[name] = new


@pytest.mark.parametrize("seed", range(20))
def test_a_spliced_entry_has_dvc_s_bytes(tmp_path, seed):
    random, path, num_spliced = Random(seed), tmp_path / "dvc.lock", 0
    after = "datasets:\n- name: x\n  url: y\n" if seed % 2 else ""
    for name, new in changes(random, 12):
        before = path.read_text() if path.exists() else ""
        round_trip(path, name, new)
        if after and after not in before:
            path.write_text(path.read_text() + after)
        elif is_own_form(before):
            result = spliced(before, name, new)
            assert result in (None, path.read_text())
            num_spliced += result is not None
    assert num_spliced >= 4


OTHER_FORMS = {
    "a comment": ("    cmd:", "    # by hand\n    cmd:"),
    "a comment at the end of a line": ("  a:\n", "  a: # by hand\n"),
    "quotes": ("cmd: echo a", 'cmd: "echo a"'),
    "flow": ("  b:\n    cmd: echo b\n", "  b: {cmd: echo b}\n"),
    "an empty line": ("  b:\n", "\n  b:\n"),
    "more spaces": ("    cmd: echo b", "        cmd: echo b"),
    "no YAML": ("  b:\n", "<<<<<<< HEAD\n"),
    "an alias": ("  b:\n    cmd: echo b\n", "  b: &id001\n    cmd: echo b\n  c: *id001\n"),
}


@pytest.mark.parametrize("kind", OTHER_FORMS)
def test_a_text_in_another_form_is_not_spliced(kind):
    text = dumps_yaml({"schema": "2.0", "stages": {name: {"cmd": f"echo {name}"} for name in ("a", "b")}})
    assert is_own_form(text)
    assert not is_own_form(text.replace(*OTHER_FORMS[kind]))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_whole_files_have_dvc_s_bytes(folder):
    """From no file on; then somebody writes a comment, and DVC and the cluster take turns."""
    random, ours, dvcs = Random(0), Path("dvc.lock"), Path("dvcs.lock")
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


WRITER = """
import sys
from pathlib import Path
from tools import repro
for number in range(10**6):
    print(number, flush=True)
    repro.write_entries(Path("dvc.lock"), {f"stage{number % 7}": {"cmd": "echo " + "x" * 50000, "size": number}})
"""


def test_a_killed_writer_leaves_a_whole_file(folder):
    (folder / "dvc.lock").write_text(dumps_yaml({"schema": "2.0", "stages": {"first": {"cmd": "true"}}}))
    for wait in (0.0, 0.011, 0.023, 0.037):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        while int(process.stdout.readline()) < 5:
            pass
        time.sleep(wait)
        process.kill()
        process.communicate()
        text = (folder / "dvc.lock").read_text()
        assert "first" in parse_yaml(text, "dvc.lock")["stages"] and is_own_form(text)
