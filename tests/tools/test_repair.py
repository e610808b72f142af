"""Files that a killed DVC or a merge leaves: readable ones stay, those that DVC would refuse are removed."""

import hashlib
import json

import pytest
import yaml

from tools.repair import main, remove_damaged

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


MERGED = LOCK.replace("      size: 47035\n", "<<<<<<< HEAD\n      size: 47035\n=======\n      size: 4\n>>>>>>> other\n")
ENDS = (0, LOCK.index("0'"), LOCK.index("deps:") + 6, LOCK.index("- path") + 7, LOCK.index("tables:") + 2)
KILLED = "DVC was killed while writing it ("


@pytest.mark.parametrize(
    ("lock", "why"),
    [
        (LOCK, None),
        (LOCK[: LOCK.index("  tables:")], None),  # a part that DVC can read
        *((LOCK[:end], KILLED) for end in ENDS),
        (MERGED, "a merge left conflicts in it ("),
    ],
)
def test_what_dvc_can_read_stays_and_what_it_refuses_is_removed(tmp_path, monkeypatch, capsys, lock, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    texts = {"dvc.lock": lock, ".dvc/tmp/rwlock": RWLOCK[:30] if why else RWLOCK}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    main()
    assert [(tmp_path / name).exists() for name in texts] == 2 * [why is None]
    said = capsys.readouterr().err.splitlines()
    assert not said if why is None else any(f"dvc.lock: {why}" in line for line in said)


def test_files_with_another_md5_than_dvc_knows_are_removed(tmp_path, monkeypatch, capsys):
    """One of a folder, one alone, one in the cache only; a version of another commit and a missing file are not."""
    monkeypatch.chdir(tmp_path)
    objects, md5 = tmp_path / "cache", lambda data: hashlib.md5(data).hexdigest()

    def cached(data: bytes, ending: str = "") -> str:
        path = objects / md5(data)[:2] / (md5(data)[2:] + ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return md5(data) + ending

    listing = [{"md5": cached(name.encode()), "relpath": f"in/{name}"} for name in ("a", "b", "gone")]
    outs = [{"path": "folder", "md5": cached(json.dumps(listing).encode(), ".dir")}]
    outs += [{"path": name, "md5": md5(name.encode())} for name in ("alone", "whole", "other", "absent")]
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {"x": {"cmd": "x", "outs": outs}}}))
    cached(b"of another commit")
    contents = {
        "folder/in/a": b"a",
        "folder/in/b": b"B",
        "alone": b"?",
        "whole": b"whole",
        "other": b"of another commit",
    }
    (tmp_path / "folder/in").mkdir(parents=True)
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    damaged = objects / md5(b"a")[:2] / md5(b"a")[2:]
    damaged.write_bytes(b"x")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    remove_damaged(objects, [tmp_path / "dvc.lock"])
    after = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert before - after == {damaged, tmp_path / "folder/in/b", tmp_path / "alone"}
    assert f"folder/in/b: damaged, its md5 is {md5(b'B')} instead of {md5(b'b')}" in capsys.readouterr().err
