"""Several processes that share a stage's work: what one alone computes, or one sentence."""

import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from aml.extraction.shards import Shards
from tests.stages.shared_work import RUNTIME, TRAININGS, VALUES, main, write_inputs

ROOT = Path(__file__).parents[2]


def python(*arguments, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *map(str, arguments)], text=True, capture_output=True, timeout=100, **options
    )


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> tuple[Path, Path]:
    """What one process makes, and what two make."""
    folder = tmp_path_factory.mktemp("shared")
    inputs = write_inputs(folder / "inputs")
    main(inputs, folder / "one", VALUES)
    values = VALUES | {"runtime": RUNTIME | {"processes": 2}}
    (folder / "values.json").write_text(json.dumps(values))
    done = python("-m", "tests.stages.shared_work", inputs, folder / "two", folder / "values.json", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return folder / "one", folder / "two"


def test_descriptors_are_equal_bit_for_bit(outputs):
    one, two = ({path.name: path.read_bytes() for path in (folder / "descriptors").iterdir()} for folder in outputs)
    assert one == two and len(one) == 4


@pytest.mark.parametrize("loss", TRAININGS)
def test_trainings_are_equal_but_for_rounding(outputs, loss):
    one, two = (json.loads((folder / "models" / loss / "model.json").read_text()) for folder in outputs)
    for ours, theirs in zip(one["record"], two["record"], strict=True):
        assert theirs == pytest.approx(ours, rel=1e-5)
    weights = [load_file(folder / "models" / loss / "model.safetensors") for folder in outputs]
    for name in weights[0]:
        np.testing.assert_allclose(*(each[name] for each in weights), atol=1e-4)


def test_only_one_process_writes(outputs):
    for folder in outputs:
        assert sorted(path.name for path in folder.iterdir()) == ["descriptors", "models"]
        assert sorted(path.name for path in (folder / "models").iterdir()) == sorted(TRAININGS)
        for loss in TRAININGS:
            curve = folder / "models" / loss / "curves/plots/metrics/train_loss.tsv"
            assert len(curve.read_text().splitlines()) == 1 + VALUES["distill"]["epochs"]


def test_every_shard_has_one_process(tmp_path):
    batches = [list(range(begin, begin + 7)) for begin in range(0, 28000, 7)]
    shards = Shards(tmp_path, "x", batches, dtype="float32")
    parts = [shards.missing(process, 3) for process in range(3)]
    assert sorted(itertools.chain(*parts)) == list(range(len(shards.batches)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert [row for number in range(len(shards.batches)) for row in shards.rows(number)] == list(range(28000))


STAGE = """
import os, time
from stages.runtime import run_in_processes

def main(values):
    if os.environ["RANK"] == "1":
        {failure}
    time.sleep(60)

run_in_processes(main, {{"runtime": {runtime}}})
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
    done = python("-m", "failing", cwd=ROOT, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert (done.returncode, done.stderr) == (1, message)
    assert time.monotonic() - begin < 30
