"""docs/your-own-photos.md: its section of params.yaml and its CSVs make the sets that it promises."""

import re

import pytest
import yaml

from aml.files.atomic import read_json
from aml.params.datasets import dataset_settings
from aml.params.reading import read_parameters
from stages import download, preprocess
from tests import ROOT
from tests.datasets.raw_folders import image

PAGE = (ROOT / "docs/your-own-photos.md").read_text(encoding="utf-8")
(SECTION,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
TEST, TRAINING = re.findall(r"```csv\n(.*?)```", PAGE, flags=re.DOTALL)
GATES = ["gate front.jpg", "gates/1.jpg", "gates/2.jpg", "gates/3.jpg", "gates/old gate.jpg"]
NAMES = [*GATES, "tower.jpg", "towers/1.jpg", "towers/2.jpg"]


@pytest.mark.parametrize(
    ("kind", "table", "counts"),
    [
        ("database", None, {"images": 8}),
        ("test", TEST, {"queries": 2, "database": 7, "queries_without_box": ["tower.jpg"]}),
        ("training", f"{TRAINING}towers/2.jpg,Tower\n", {"images": 4, "train_queries": 2, "val_queries": 2}),
    ],
)
def test_a_folder_becomes_a_set(tmp_path, kind, table, counts):
    folder = tmp_path / "my photos"
    for number, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(image(number, (800, 600)))
    values = read_parameters(ROOT / "params.yaml")
    values["datasets"] = yaml.safe_load(SECTION.replace("/home/me/photos", str(folder)))
    values["datasets"]["photos"]["kind"] = kind
    if table is not None:
        values["datasets"]["photos"]["csv"] = "labels.csv"
        (folder / "labels.csv").write_text(table)
    download.main("photos", tmp_path / "raw", tmp_path / "digests.json", values)
    preprocess.main("photos", tmp_path / "raw", tmp_path / "set", tmp_path / "labels.json", values)
    assert counts.items() <= read_json(tmp_path / "set/report.json").items()


def test_the_section_of_the_page_about_other_layouts_is_accepted():
    page = (ROOT / "docs/your-own-dataset.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    assert dataset_settings({"datasets": yaml.safe_load(section)}, "photos").kind == "test"
