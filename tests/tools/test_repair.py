"""Files that a killed DVC or a merge leaves: readable ones stay, those that DVC would refuse are removed. --verify:
tests/pipeline/test_damage.py."""

import pytest

from tools.repair import main

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
