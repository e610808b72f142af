"""What `run` does around a stage, and how it ends."""

import os
import re
import shutil
import signal
import time

import numpy as np
import pytest

from aml.files.atomic import replacing
from aml.run_log import last_runs
from stages.runtime import STAGE_LOG, run
from tests import ROOT, python
from tests.stages.packed_sets import RUNTIME


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_STAGE", raising=False)


@pytest.fixture(autouse=True)
def our_own_signals():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def last_words(stage) -> str:
    with pytest.raises(SystemExit) as ended:
        run(stage)
    return str(ended.value)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_sentence_and_no_half_file(tmp_path, number):
    def stage():
        with replacing(tmp_path / "file") as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), number)

    assert last_words(stage).endswith(": interrupted; `dvc repro` goes on from here")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_short_memory_is_a_sentence(library):
    import torch

    allocate = {"numpy": lambda: np.empty(1 << 60, np.uint8), "torch": lambda: torch.empty(1 << 60, dtype=torch.uint8)}
    assert re.search(r"memory is short, it seems: .*([Uu]nable to|can't) allocate .*$", last_words(allocate[library]))


PROBE = """
import gc
before = gc.isenabled()
from stages.runtime import run
run(lambda: print(before, gc.isenabled()))
"""


@pytest.mark.parametrize(("start", "printed"), [(["-m", "stages.probe"], "False True"), (["-c", PROBE], "True True")])
def test_the_garbage_collector_rests_only_while_a_stage_is_imported(tmp_path, start, printed):
    shutil.copytree(ROOT / "stages", tmp_path / "stages")
    (tmp_path / "stages" / "probe.py").write_text(PROBE)
    done = python(*start, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.stdout.strip() == printed


def test_a_finished_stage_that_dvc_runs_is_noted_and_no_other(monkeypatch):
    run(print, "by hand")
    monkeypatch.setenv("DVC_STAGE", "graph/distill/dvc.yaml:distill@a-b-c")
    assert "literal" in last_words(lambda: int("no"))
    with pytest.raises(RuntimeError, match="bug"):  # any other error keeps its traceback
        run(lambda: (_ for _ in ()).throw(RuntimeError("a bug")))
    with monkeypatch.context() as second:  # of several processes
        second.setenv("RANK", "1")
        run(print, "done")
    assert not STAGE_LOG.exists()
    run(print, "done")
    assert set(last_runs(STAGE_LOG)) == {"distill@a-b-c"}


FAILING = """
import os, time
from stages.runtime import run, share

def main():
    if os.environ["RANK"] == "1":
        {failure}
    time.sleep(60)

run(share, main, {{"runtime": {runtime}}})
"""


@pytest.mark.parametrize(
    "failure, message",
    [
        ("raise ValueError(\"image 'a' cannot be decoded\")", "failing: image 'a' cannot be decoded\n"),
        ("os.kill(os.getpid(), 9)", "process 1 of 2 ended with status -9\n"),
    ],
)
def test_one_that_fails_ends_all_with_its_sentence(tmp_path, failure, message):
    (tmp_path / "failing.py").write_text(FAILING.format(failure=failure, runtime=RUNTIME | {"processes": 2}))
    begin = time.monotonic()
    done = python("-m", "failing", timeout=100, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert (done.returncode, done.stderr) == (1, message)
    assert time.monotonic() - begin < 30
