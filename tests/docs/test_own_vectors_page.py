"""docs/your-own-vectors.md: its sections of params.yaml are accepted, and its programs write what stages read."""

import csv
import re

import numpy as np
import pytest
import yaml

from aml.extraction.named_vectors import NamedVectors
from aml.params.reading import read_parameters
from stages import check
from tests import ROOT

PAGE = (ROOT / "docs/your-own-vectors.md").read_text(encoding="utf-8")
WRITING, GROUPING = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
SECTIONS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def values() -> dict:
    """params.yaml with the page's sections."""
    found, given = read_parameters(ROOT / "params.yaml"), {}
    for section in SECTIONS:
        given |= yaml.safe_load(section)
    return found | given | {"grid": found["grid"] | given["grid"]}


def test_vectors_are_kept_for_students_that_can_reach_them(values, tmp_path):
    values["vectors"]["clip"]["negative"] = "keep"
    with pytest.raises(
        ValueError, match=r"but lite0_short ends with GeM, .*; accepted: split, or networks\.lite0_short"
    ):
        check.main(tmp_path / "cell.json", tmp_path / "checked.json", values)
    for student in values["grid"]["students"]:
        values["networks"][student]["whitening"] = True
    check.main(tmp_path / "cell.json", tmp_path / "checked.json", values)


def test_its_parameters_are_accepted(values, tmp_path):
    check.main(tmp_path / "cell.json", tmp_path / "checked.json", values)
    assert '"key": "lite0_mid-clip-reg-0"' in (tmp_path / "cell.json").read_text()


def test_its_program_writes_vectors(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    of_names = {"gates/1.jpg": np.array([3.0, -4.0]), "towers/1.jpg": np.array([0.0, 2.0])}
    exec(WRITING, {"describe": of_names.get})
    found = NamedVectors(tmp_path, "photos", ["towers/1.jpg", "gates/1.jpg"], components=2, negative="split").unit()
    np.testing.assert_allclose(found, [[0, 1], [0.6, -0.8]])


def test_its_other_program_writes_landmarks(tmp_path, monkeypatch):
    """The vectors are in three groups, far from each other."""
    monkeypatch.chdir(tmp_path)
    groups = np.arange(30) % 3
    vectors = np.eye(3)[groups] + np.random.default_rng(0).normal(size=(30, 3)) / 50
    np.save("landmarks.npy", 5 * vectors)
    (tmp_path / "landmarks.txt").write_text("".join(f"a, {number}.jpg\n" for number in range(30)))
    exec(GROUPING, {})
    with open("landmarks.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["name"] for line in lines] == [f"a, {number}.jpg" for number in range(30)]
    found = np.array([line["landmark"] for line in lines])
    assert ((found[:, None] == found) == (groups[:, None] == groups)).all()
