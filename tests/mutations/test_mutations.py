"""Each of the bugs in *.yaml is caught by the tests named beside it.

Here, in `make test`, the list is held to the code as it is; `pytest -m long tests/mutations` makes the bugs one by one
in a copy of the project and runs those tests, a process each.
"""

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests import ROOT, copy_tracked
from tests.mutations.bugs import Bug, read_bugs

BUGS = read_bugs()
TIMEOUT = 300  # seconds of a selection of tests
ONE_FAILED = 1  # pytest's exit status; others say that nothing was collected, or not all


def test_there_are_many_bugs_of_different_names():
    assert len(BUGS) >= 60
    assert [name for name, count in Counter(bug.name for bug in BUGS).items() if count > 1] == []


@pytest.mark.parametrize("file", sorted({bug.file for bug in BUGS}))
def test_the_bugs_of_a_file_can_be_made(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    for bug in (bug for bug in BUGS if bug.file == file):
        mutated = bug.made_in(text)
        assert mutated != text, bug.name
        parsed = ast.parse if file.endswith(".py") else yaml.safe_load
        parsed(mutated)
        assert bug.tests and all((ROOT / tests).is_file() for tests in bug.tests), bug.name


def test_a_bug_that_no_longer_fits_is_named():
    bug = Bug("a margin of 1", "aml/losses/contr.py", "margin", "1", ("tests/losses/test_losses.py",))
    with pytest.raises(ValueError, match=r"a margin of 1: aml/losses/contr\.py holds 2 times 'margin'; accepted: once"):
        bug.made_in("margin, margin")


class Copy:
    """The files of this project in a folder of their own, where bugs are made; tests pass there without one."""

    def __init__(self, folder: Path):
        self.folder, self.passed = folder, set()
        copy_tracked(folder)

    def pytest(self, tests: tuple[str, ...]) -> subprocess.CompletedProcess:
        """Runs these files up to the first failure, and leaves no bytecode: it would outlive a bug of its second."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environment |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [*command, f"--basetemp={self.folder.parent / 'basetemp'}"],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
        )

    def require_pass(self, tests: tuple[str, ...]) -> None:
        """Asserts that these files pass as they are; each selection is run once."""
        if tests not in self.passed:
            done = self.pytest(tests)
            assert done.returncode == 0, f"without a bug: exit {done.returncode}\n{done.stdout}"
            self.passed.add(tests)


@pytest.fixture(scope="session")
def copy(tmp_path_factory):
    return Copy(tmp_path_factory.mktemp("mutations") / "project")


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_caught(copy, bug):
    copy.require_pass(bug.tests)
    path = copy.folder / bug.file
    text = path.read_text(encoding="utf-8")
    path.write_text(bug.made_in(text), encoding="utf-8")
    try:
        done = copy.pytest(bug.tests)
    finally:
        path.write_text(text, encoding="utf-8")
    assert done.returncode == ONE_FAILED, f"{bug.name}: exit {done.returncode}\n{done.stdout}"
