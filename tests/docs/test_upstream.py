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
COMPARED = """
import importlib.util, sys
from pathlib import Path
from random import Random
from types import SimpleNamespace
from dvc import dvcfile, lock_text
from dvc.fs import LocalFileSystem
from dvc.stage import serialize
from tests.docs.drawn_locks import changes

spec = importlib.util.spec_from_file_location("installed", sys.argv[1])
installed = importlib.util.module_from_spec(spec)
spec.loader.exec_module(installed)
assert Path(dvcfile.__file__).is_relative_to(Path.cwd()) and not hasattr(installed.Lockfile, "_splice")

results = []
splice = lock_text.spliced
lock_text.spliced = lambda *given: results.append(splice(*given)) or results[-1]
serialize.to_lockfile = lambda stage, **_: {stage.name: stage.entry}
dvcfile.Lockfile._check_gitignored = installed.Lockfile._check_gitignored = lambda self: None
ignore = SimpleNamespace(is_ignored_file=lambda path: False)
for seed in range(30):
    random = Random(seed)
    repo = SimpleNamespace(fs=LocalFileSystem(), root_dir=".", dvcignore=ignore)
    repo.scm_context = SimpleNamespace(track_file=lambda path: None)
    paths = [Path(f"{kind}{seed}.lock") for kind in ("ours", "theirs")]
    files = [module.Lockfile(repo, str(path)) for module, path in zip((dvcfile, installed), paths)]
    for number, (name, entry) in enumerate(changes(random, 12)):
        for path, file in zip(paths, files):
            if number == 6 and seed % 3 == 0:
                path.write_text("# by hand\\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
            stage = SimpleNamespace(name=name, entry=entry)
            file.remove_stage(stage) if entry is None else file.dump(stage)
        texts = [path.read_bytes() if path.exists() else None for path in paths]
        assert texts[0] == texts[1], (seed, number, name, entry)
print(sum(result is not None for result in results))
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


def test_the_change_has_the_bytes_of_dvc(patched):
    """Stages that are new, changed and removed; names and values that YAML quotes; then a comment by hand."""
    installed = Path(dvc.__file__).parent / "dvcfile.py"
    assert int(python(patched, "-c", COMPARED, str(installed)).split()[-1]) > 100


def test_the_change_passes_its_own_tests_and_tools_have_the_same_code(patched):
    printed = python(patched, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_lock_text.py")
    assert " passed" in printed
    assert (patched / "dvc/lock_text.py").read_bytes() == (ROOT / "tools/lock_text.py").read_bytes()
