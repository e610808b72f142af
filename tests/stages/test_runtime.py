"""What `run` does around a stage."""

import pytest

from aml.storage.stage_log import last_runs
from stages import runtime


def refuse():
    raise ValueError("no")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_STAGE", raising=False)


def test_a_stage_that_dvc_runs_is_noted(monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "graph/train/dvc.yaml:distill@a-b-c")
    runtime.run(print, "done")
    assert set(last_runs(runtime.STAGE_LOG)) == {"distill@a-b-c"}


def test_neither_a_failed_stage_is_noted_nor_one_run_by_hand(monkeypatch):
    runtime.run(print, "done")
    monkeypatch.setenv("DVC_STAGE", "distill@a-b-c")
    with pytest.raises(SystemExit, match="no"):
        runtime.run(refuse)
    assert not runtime.STAGE_LOG.exists()
