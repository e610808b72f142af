"""`make search`, and the tool that reads what it wrote."""

import json

import pytest

from tests.pipeline.conftest import cells, ran

pytestmark = pytest.mark.pipeline


def test_the_cell_under_study_becomes_a_search(repository, tmp_path):
    before = repository.changes()
    output = repository.run("make", "search")
    assert sorted(ran(output)) == ["export", "index"]
    assert ran(repository.run("make", "search")) == []
    teacher, _, key, _ = cells(repository)
    assert repository.changes() - before == {"graph/search/dvc.lock", "reports/search/"}
    record, metrics = repository.json("reports/search/export.json"), repository.json(f"reports/metrics/{key}.json")
    assert record["key"] == key and record["teacher"]["key"] == teacher
    tested = {
        name: {level: score["mAP"] for level, score in levels.items()} for name, levels in metrics["asymmetric"].items()
    }
    assert record["files"]["student-multiscale.onnx"]["mAP"] == tested

    photo = next((repository.folder / "reports").rglob("*.jpg"))
    words = "python", "-m", "tools.search", str(photo), "--top", "3", "--json", "--teacher"
    (answer,) = json.loads(repository.run(*words, "--page", str(tmp_path / "page.html")))["photos"]
    assert [len(answer[who]) for who in ("results", "teacher")] == [3, 3]
    assert (tmp_path / "page.html").read_text().count("data:image/jpeg") == 7
    again = repository.dvc("repro")
    assert ran(again) == []
