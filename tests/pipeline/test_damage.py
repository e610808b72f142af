"""A flipped bit in DVC's cache: it is found, and the remedy in the message repairs it."""

import os
import re
import shutil
from pathlib import Path

import pytest

from tests import flipped
from tests.pipeline.conftest import cells, ran

pytestmark = pytest.mark.pipeline


def flip(path: Path) -> None:
    """Flip one bit of the last byte as a bad disk does: time, mode and size stay the same."""
    found = path.stat()
    path.chmod(0o644)
    path.write_bytes(flipped(path.read_bytes(), -1))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    path.chmod(found.st_mode & 0o777)


def test_the_message_names_the_file_and_the_remedy_repairs_it(repository):
    _, _, contr_plus, reg = cells(repository)
    evaluate, record = f"graph/evaluate_distilled/dvc.yaml:evaluate_distilled@{reg}", f"reports/metrics/{reg}.json"
    array, model = f"data/descriptors/{reg}/rsynth_a.database.npy", f"models/{reg}/model.safetensors"
    # the copy of the finished repository has two files where there was one
    repository.dvc("checkout", "--relink", "--allow-missing")
    before = [(repository.folder / path).read_bytes() for path in (record, array, model)]
    flip(repository.folder / array)
    flip(repository.folder / model)
    assert repository.status() == {} and (repository.folder / array).read_bytes() != before[1]  # DVC sees nothing

    (repository.folder / record).unlink()
    output = repository.dvc("repro", evaluate, ok=False)
    assert f"evaluate: {array} is damaged: its digest is" in output
    assert re.search(r"run `python -m tools.repair --verify`, .* then `dvc repro`", output)
    (repository.folder / array).unlink()
    assert f"{array} is damaged" in repository.dvc("repro", evaluate, ok=False)  # the cache has the same bytes
    cell = "reports/cell.json"  # not in the cache
    flip(repository.folder / cell)
    output = repository.run("python", "-m", "tools.repair", "--verify")
    assert all(f"repair: removed {path}: damaged" in output for path in (model, array, cell))
    assert "repair: 5 files " in output
    chain = ["check", f"distill@{reg}", f"extract_distilled@{reg}", f"evaluate_distilled@{reg}"]
    assert ran(repository.dvc("repro", evaluate)) == chain
    assert [(repository.folder / path).read_bytes() for path in (record, array, model)] == before
    assert repository.status() == {}
    (repository.folder / model).unlink()
    shutil.copy(repository.folder / f"models/{contr_plus}/model.safetensors", repository.folder / model)
    # as after another commit's run: not what dvc.lock says, but whole
    assert "repair: 0 files " in repository.run("python", "-m", "tools.repair", "--verify")
