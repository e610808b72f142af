"""Unfinished work: found again by an equal run, by no other."""

import sys

import aml.compute.unfinished
from aml.compute.unfinished import code_digest, partial_folder

DEPENDS = {"code": "c" * 64, "settings": {"scales": [1.0, 0.5], "image_size": 96}}


def test_an_equal_run_finds_what_was_done_and_no_other_does(tmp_path):
    output = tmp_path / "descriptors" / "lite0"
    folder, elsewhere = partial_folder(output, DEPENDS), partial_folder(tmp_path / "descriptors/lite2", DEPENDS)
    assert not folder.is_relative_to(output)  # which DVC empties
    (folder / "shard").write_text("done")
    same = {"settings": {"image_size": 96, "scales": [1.0, 0.5]}, "code": "c" * 64}  # in another order
    assert (partial_folder(output, same) / "shard").read_text() == "done"
    other = partial_folder(output, DEPENDS | {"code": "d" * 64})
    assert not list(other.iterdir()) and not (folder / "shard").exists() and elsewhere.exists()


def test_the_code_is_what_is_loaded(tmp_path, monkeypatch):
    """A module that is imported later, or says something else, is another code; one with other comments is not."""
    monkeypatch.setattr(aml.compute.unfinished, "PROJECT", tmp_path)
    (tmp_path / "stages").mkdir()
    path = tmp_path / "stages" / "newly_written.py"
    path.write_text("x = 1")
    before = code_digest()
    monkeypatch.syspath_prepend(path.parent)
    __import__("newly_written")
    loaded = code_digest()
    path.write_text('"""Other words."""\n\nx = 1  # one')
    assert code_digest() == loaded
    path.write_text("x = 2")
    assert len({before, loaded, code_digest()}) == 3
    del sys.modules["newly_written"]
    assert code_digest() == before
