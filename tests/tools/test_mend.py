"""What a killed DVC leaves of its notes: whole ones stay, halves that it would refuse go away."""

import pytest

from tools.mend import main

LOCK = """schema: '2.0'
stages:
  check:
    cmd: python -m stages.check reports/cell.json
    deps:
    - path: aml/losses
      hash: md5
      md5: 3c8ee3ebe2b1b6b9df0e0f7ba9ae7d41.dir
      size: 47035
      nfiles: 11
  tables:
    cmd: python -m stages.tables reports/metrics
"""
RWLOCK = '{"write": {}, "read": {"/aml": [{"pid": 1, "cmd": "dvc repro"}]}}'


def mended(folder, monkeypatch, lock: str, rwlock: str) -> set[str]:
    """The names of the files that stay."""
    monkeypatch.chdir(folder)
    (folder / ".dvc/tmp").mkdir(parents=True)
    (folder / "dvc.lock").write_text(lock)
    (folder / ".dvc/tmp/rwlock").write_text(rwlock)
    main([folder / "dvc.lock", folder / "graph/train/dvc.lock"])
    return {path.name for path in folder.rglob("*lock") if path.name != "lock"}


def test_whole_notes_stay(tmp_path, monkeypatch, capsys):
    assert mended(tmp_path, monkeypatch, LOCK, RWLOCK) == {"dvc.lock", "rwlock"}
    assert capsys.readouterr().err == ""


def test_a_part_that_dvc_can_read_stays(tmp_path, monkeypatch):
    assert mended(tmp_path, monkeypatch, LOCK[: LOCK.index("  tables:")], RWLOCK) == {"dvc.lock", "rwlock"}


@pytest.mark.parametrize(
    "end", [0, LOCK.index("0'"), LOCK.index("deps:") + 6, LOCK.index("- path") + 7, LOCK.index("tables:") + 2]
)
def test_a_part_that_dvc_refuses_goes_away(tmp_path, monkeypatch, capsys, end):
    part = LOCK[:end]
    assert mended(tmp_path, monkeypatch, part, RWLOCK[:30]) == set()
    assert "dvc.lock, which DVC was killed while writing (" in capsys.readouterr().err


def test_a_merge_s_conflicts_are_called_so(tmp_path, monkeypatch, capsys):
    ours, theirs = "      size: 47035\n", "      size: 47036\n"
    merged = LOCK.replace(ours, f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> other\n")
    assert mended(tmp_path, monkeypatch, merged, RWLOCK) == {"rwlock"}
    said = capsys.readouterr().err
    assert "dvc.lock, in which a merge left conflicts (" in said and "killed" not in said
