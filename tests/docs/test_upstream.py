"""docs/upstream: the change for DVC applies to the DVC that is installed, and writes the same bytes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import dvc
import pytest

ROOT = Path(__file__).parents[2]
PATCH = ROOT / "docs/upstream/dvc-lock-splice.patch"
WRITTEN = """
import logging
from pathlib import Path
from random import Random
from types import SimpleNamespace
from dvc.dvcfile import Lockfile
from dvc.fs import LocalFileSystem
from dvc.stage import serialize
from tests.docs.drawn_locks import changes

logging.disable()
serialize.to_lockfile = lambda stage, **_: {stage.name: stage.entry}
Lockfile._check_gitignored = lambda self: None
repo = SimpleNamespace(fs=LocalFileSystem(), root_dir=".")
repo.dvcignore = SimpleNamespace(is_ignored_file=lambda path: False)
repo.scm_context = SimpleNamespace(track_file=lambda path: None)
for seed in range(30):
    path = Path(f"{seed}.lock")
    file = Lockfile(repo, str(path))
    for number, (name, entry) in enumerate(changes(Random(seed), 12)):
        if number == 6 and seed % 3 == 0:
            path.write_text("# by hand\\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
        stage = SimpleNamespace(name=name, entry=entry)
        file.remove_stage(stage) if entry is None else file.dump(stage)
        print(seed, number, name, path.read_bytes() if path.exists() else None)
print(len(getattr(Lockfile, "_own_form", ())))
"""


@pytest.fixture(scope="module")
def patched(tmp_path_factory) -> Path:
    """A folder with a copy of DVC that has the change."""
    folder = tmp_path_factory.mktemp("patched")
    shutil.copytree(Path(dvc.__file__).parent, folder / "dvc", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "apply", str(PATCH)], cwd=folder, check=True)
    return folder


def python(folder: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=-1, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_change_has_the_bytes_of_dvc(patched, tmp_path):
    """Stages that are new, changed and removed; names and values that YAML quotes; then a comment by hand."""
    (*ours, changed), (*dvcs, unchanged) = (python(f, "-c", WRITTEN).splitlines() for f in (patched, tmp_path))
    assert ours == dvcs and len(ours) == 30 * 12
    assert (changed, unchanged) == ("30", "0")  # files that the change has written


def test_the_change_passes_its_own_tests_and_tools_have_the_same_code(patched):
    printed = python(patched, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_lock_text.py")
    assert " passed" in printed
    assert (patched / "dvc/lock_text.py").read_bytes() == (ROOT / "tools/lock_text.py").read_bytes()
