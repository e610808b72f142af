"""Stages as commands: without arguments the usage, with a slip in params.yaml one sentence."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import ROOT, python

COMMANDS = {
    "stages.check": "cell.json checked.json",
    "stages.train": "name processed weights model --loss reg --settings distill",
    "tools.doctor": "",
}


def call(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess:
    return python("-m", module, *arguments, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)})


def test_a_command_says_its_usage(tmp_path):
    done = call(tmp_path, "stages.tables")
    assert done.returncode == 2 and done.stderr.startswith("usage: ") and "required: " in done.stderr
    assert "Traceback" not in done.stderr
    done = call(tmp_path, "stages.tables", "--help")  # what it reads and writes, too
    assert done.returncode == 0 and "usage: python -m stages.tables [-h] metrics queries" in done.stdout
    assert "Reads: <metrics>/<key>.json" in done.stdout


@pytest.mark.parametrize("module", COMMANDS)
@pytest.mark.parametrize(
    ("content", "words"), [("a: 1\na: 2\n", "line 2: found duplicate key"), (None, "no params.yaml")]
)
def test_a_slip_in_the_parameters_is_one_sentence(tmp_path, module, content, words):
    if content is not None:
        (tmp_path / "params.yaml").write_text(content)
    done = call(tmp_path, module, *COMMANDS[module].split())
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{module.rpartition('.')[2]}: ") and words in line
