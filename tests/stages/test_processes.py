"""Several processes that share a stage's work: each has its part, and one that fails ends all."""

import itertools
import time

import pytest

from aml.extraction.descriptor_folder import Shards
from tests import ROOT, python
from tests.stages.packed_sets import RUNTIME


def test_every_shard_has_one_process(tmp_path):
    batches = [list(range(begin, begin + 7)) for begin in range(0, 28000, 7)]
    shards = Shards(tmp_path, "x", batches, dtype="float32")
    parts = [shards.missing(process, 3) for process in range(3)]
    assert sorted(itertools.chain(*parts)) == list(range(len(shards.batches)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert [row for number in range(len(shards.batches)) for row in shards.rows(number)] == list(range(28000))


STAGE = """
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
    (tmp_path / "failing.py").write_text(STAGE.format(failure=failure, runtime=RUNTIME | {"processes": 2}))
    begin = time.monotonic()
    done = python("-m", "failing", timeout=100, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert (done.returncode, done.stderr) == (1, message)
    assert time.monotonic() - begin < 30
