"""The log of stages: one whole line a run, whoever else writes."""

import json
import multiprocessing
import sys
import time
from types import SimpleNamespace

import pytest

from aml.run_log import StageRun, append, last_runs


def test_stages_side_by_side_write_whole_lines(tmp_path):
    path = tmp_path / "work" / "stages.jsonl"
    names = [f"distill@{number}" for number in range(4)] * 50
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.starmap(append, [(path, name) for name in names], chunksize=1)
    assert sorted(json.loads(line)["stage"] for line in path.read_text().splitlines()) == sorted(names)


def test_the_last_run_of_a_stage_counts(tmp_path):
    path = tmp_path / "stages.jsonl"
    runs = [StageRun(name, "2026-01-02T03:04:05+00:00", s, "A", {}) for name, s in (("a", 1.0), ("b", 2.0), ("a", 3.0))]
    path.write_text("".join(json.dumps(vars(run)) + "\n" for run in runs))
    assert last_runs(path) == {"a": runs[2], "b": runs[1]}
    assert last_runs(tmp_path / "none") == {}


def test_seconds_are_those_of_the_process_and_a_gpu_is_named_if_one_was_used(tmp_path, monkeypatch):
    append(tmp_path / "log", "a")
    time.sleep(0.2)
    append(tmp_path / "log", "b")
    cuda = SimpleNamespace(is_initialized=lambda: True, get_device_name=lambda: "A GPU")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda, __version__="2.0"))
    append(tmp_path / "log", "c")
    first, second, third = last_runs(tmp_path / "log").values()
    assert 0.19 <= second.seconds - first.seconds < 5 and first.start[:16] == second.start[:16]
    assert first.device.endswith("cores") and first.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert third.device == "A GPU" and third.versions["torch"] == "2.0"


@pytest.mark.parametrize("line", ['{"stage": "a"', '{"stage": "a"}', "[1]"])
def test_a_line_that_is_none_is_named(tmp_path, line):
    path = tmp_path / "log"
    append(path, "a")
    with open(path, "a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=r"log, line 2: .*; the file may be deleted"):
        last_runs(path)
