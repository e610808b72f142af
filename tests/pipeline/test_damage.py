"""A flipped byte in DVC's cache: who finds it, and that what the message says repairs it."""

import os
import re
from pathlib import Path

import pytest

from tests.pipeline.conftest import cells, ran

pytestmark = pytest.mark.pipeline


def flip(path: Path) -> None:
    """One bit, as a bad disk does it: neither time nor mode nor size tell."""
    found = path.stat()
    path.chmod(0o644)
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    path.chmod(found.st_mode & 0o777)


def test_the_message_names_the_file_and_the_remedy_repairs_it(repository):
    reg = cells(repository)[3]
    evaluate, record = f"graph/evaluate/dvc.yaml:evaluate_distilled@{reg}", f"reports/metrics/{reg}.json"
    array, model = f"data/descriptors/{reg}/rsynth_a.database.npy", f"models/{reg}/model.safetensors"
    repository.dvc("checkout", "--relink")  # the copy of the finished repository has two files where there was one
    before = [(repository.folder / path).read_bytes() for path in (record, array, model)]
    flip(repository.folder / array)
    flip(repository.folder / model)
    assert repository.status() == {} and (repository.folder / array).read_bytes() != before[1]  # DVC sees nothing

    (repository.folder / record).unlink()
    output = repository.dvc("repro", evaluate, ok=False)
    assert f"evaluate: {array} is damaged: its sha256 is" in output
    assert re.search(r"remove it, run `python -m stages.verify`, .* then `dvc repro`", output)
    (repository.folder / array).unlink()
    assert f"{array} is damaged" in repository.dvc("repro", evaluate, ok=False)  # the cache has the same bytes
    (repository.folder / array).unlink()
    output = repository.run("python", "-m", "stages.verify")
    assert f"verify: removed {model}: damaged" in output and "verify: 2 of " in output
    chain = [f"distill@{reg}", f"extract_distilled@{reg}", f"evaluate_distilled@{reg}"]
    assert ran(repository.dvc("repro", evaluate)) == chain
    assert [(repository.folder / path).read_bytes() for path in (record, array, model)] == before
    assert "verify: 0 of " in repository.run("python", "-m", "stages.verify") and repository.status() == {}
