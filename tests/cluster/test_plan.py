"""`tools.cluster.plan` without Ray: what is out of date in a graph, and what each stage needs."""

import pytest

from tests.cluster.conftest import CELLS
from tools.cluster.__main__ import main
from tools.cluster.plan import Planned, plan


def test_everything_is_planned_where_nothing_has_run(untouched, monkeypatch):
    monkeypatch.chdir(untouched.folder)
    found = plan([])
    assert found.parameters == {"params.yaml": (untouched.folder / "params.yaml").read_text()}
    train = found.stages["cells/all/dvc.yaml:train@b"]
    assert train == Planned("cells/all/dvc.yaml:train@b", ("prepare",), True, ("data/raw/x",), ())
    score = found.stages["cells/all/dvc.yaml:score@b"]
    assert not score.gpu and score.needs == ("cells/all/dvc.yaml:train@b",)
    assert set(found.stages["summary"].needs) == {f"cells/all/dvc.yaml:score@{cell}" for cell in CELLS}
    assert len(found.stages) == 3 + 2 * len(CELLS)


def test_a_target_s_chain_or_what_comes_after_a_change_is_planned_and_nothing_else(serial, tmp_path, monkeypatch):
    project = serial.copy(tmp_path / "copy")
    (project.folder / "metrics/b.txt").write_text("edited\n")
    monkeypatch.chdir(project.folder)
    assert list(plan([]).stages) == ["cells/all/dvc.yaml:score@b", "summary"]
    (project.folder / "source.txt").write_text("edited\n")
    assert list(plan(["cells/all/dvc.yaml:train@b"]).stages) == ["prepare", "cells/all/dvc.yaml:train@b"]


def test_what_git_keeps_is_made_anew_in_each_clone(project, monkeypatch):
    """An output outside the cache can't travel to or from a stage on a GPU; the stage that writes it runs where it is
    read."""
    monkeypatch.chdir(project.folder)
    cells, root = project.folder / "cells/all/dvc.yaml", project.folder / "dvc.yaml"
    text = cells.read_text()
    cells.write_text(text.replace("  score:", "  score:\n    meta: {gpu: true}"))
    with pytest.raises(ValueError, match=r"score@a is marked gpu, but metrics/a.txt is not cached"):
        plan([])
    cells.write_text(text.replace("deps: [train.sh, ", "deps: [train.sh, checked.txt, "))
    with pytest.raises(ValueError, match=r"train@a is marked gpu, but checked\.txt is not cached"):
        plan([])
    root.write_text(root.read_text().replace("  check:", "  check:\n    meta: {everywhere: true}"))
    train = plan([]).stages["cells/all/dvc.yaml:train@b"]
    assert set(train.needs) == {"check", "prepare"} and (train.inputs, train.first) == (("data/raw/x",), ("check",))


def test_an_unknown_target_or_no_ray_is_one_sentence(untouched, monkeypatch):
    monkeypatch.chdir(untouched.folder)
    for found, arguments, message in (
        ("ray", ["nowhere"], r"cluster: .*nowhere"),  # it need not be there for that
        (None, [], r"Ray is not installed; `pip install --requirement requirements-cluster.txt`"),
    ):
        monkeypatch.setattr("importlib.util.find_spec", lambda name, found=found: found)
        with pytest.raises(SystemExit, match=message):
            main(arguments)
