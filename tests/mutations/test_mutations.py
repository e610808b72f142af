"""Each of the bugs in *.yaml is caught by the tests named beside it.

Here, in `make test`, the list is held to the code as it is; `pytest -m long tests/mutations` makes the bugs one by one
in a copy of the project and runs those tests, a process each.
"""

import ast
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests import ROOT, copy_tracked

TIMEOUT = 300  # seconds of a selection of tests
ONE_FAILED = 1  # pytest's exit status; others say that nothing was collected, or not all


@dataclass(frozen=True)
class Bug:
    """`new` in place of `old`, which `file` holds once; `tests` are the test files of which one must fail."""

    file: str
    tests: tuple[str, ...]
    name: str
    old: str
    new: str

    def made_in(self, text: str) -> str:
        """The text of `file` with the bug."""
        assert text.count(self.old) == 1, f"{self.name}: {self.file} holds {text.count(self.old)} times {self.old!r}"
        return text.replace(self.old, self.new)


GROUPS = [group for path in sorted(Path(__file__).parent.glob("*.yaml")) for group in yaml.safe_load(path.read_text())]
BUGS = [Bug(group["file"], tuple(group["tests"]), **bug) for group in GROUPS for bug in group["bugs"]]


@pytest.mark.parametrize("file", sorted({bug.file for bug in BUGS}))
def test_the_bugs_of_a_file_can_be_made(file):
    text = (ROOT / file).read_text()
    for bug in (bug for bug in BUGS if bug.file == file):
        mutated = bug.made_in(text)
        assert mutated != text, bug.name
        parsed = ast.parse if file.endswith(".py") else yaml.safe_load
        parsed(mutated)
        assert bug.tests and all((ROOT / tests).is_file() for tests in bug.tests), bug.name


@pytest.fixture(scope="session")
def copy(tmp_path_factory) -> Path:
    """The files of this project in a folder of their own, where bugs are made."""
    folder = tmp_path_factory.mktemp("mutations") / "project"
    copy_tracked(folder)
    return folder


def outcome(folder: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess:
    """Run these files up to the first failure, and leave no bytecode: it would outlive a bug of its second."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [*command, f"--basetemp={folder.parent / 'basetemp'}"],
        cwd=folder,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
    )


outcome_without_a_bug = cache(outcome)


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_caught(copy, bug):
    done = outcome_without_a_bug(copy, bug.tests)
    assert done.returncode == 0, f"without a bug: exit {done.returncode}\n{done.stdout}"
    path = copy / bug.file
    text = path.read_text()
    path.write_text(bug.made_in(text))
    try:
        done = outcome(copy, bug.tests)
    finally:
        path.write_text(text)
    assert done.returncode == ONE_FAILED, f"{bug.name}: exit {done.returncode}\n{done.stdout}"
