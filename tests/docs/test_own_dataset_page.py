"""docs/your-own-dataset.md: its script and its section of params.yaml make a test set that preprocess accepts."""

import io
import re
import subprocess
import sys

import numpy as np
import pytest
import yaml
from PIL import Image

from aml.files.image_sets import read_ground_truth, read_images, read_queries
from stages import download, preprocess
from tests import ROOT

PAGE = (ROOT / "docs/your-own-dataset.md").read_text(encoding="utf-8")
LABELS = """query,x0,y0,x1,y1,easy,hard,junk
gate_front,2,3,38,29,gate_1 gate_0,gate_2,
tower,0,0,40,30,,other,gate_0
"""
NAMES = ["a/gate_0.jpg", "a/gate_1.png", "b/gate_2.JPG", "gate_front.jpg", "other.webp", "tower.jpeg"]
DATABASE = ["gate_0", "gate_1", "gate_2", "other"]


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return found


def picture(number: int, suffix: str) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(
        file, {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}[suffix.lower()]
    )
    return file.getvalue()


@pytest.fixture
def values(tmp_path) -> dict:
    """The committed parameters with the page's section, whose places are those of the files that its script wrote."""
    for number, name in enumerate(NAMES):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number, path.suffix))
    (tmp_path / "images/notes.txt").write_text("not an image")
    (tmp_path / "labels.csv").write_text(LABELS)
    (tmp_path / "make_set.py").write_text(block("python"))
    command = [sys.executable, "make_set.py", "images", "labels.csv", "photos"]
    subprocess.run(command, cwd=tmp_path, check=True)
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["datasets"] |= yaml.safe_load(block("yaml").replace("/home/me", str(tmp_path)))
    return values


def test_the_script_s_files_are_a_test_set(values, tmp_path):
    raw, processed, labels = tmp_path / "raw", tmp_path / "photos", tmp_path / "photos.json"
    download.main("photos", raw, tmp_path / "digests.json", values)
    preprocess.main("photos", raw, processed, labels, values)
    images, queries = read_images(processed), read_queries(processed)
    assert images.names == DATABASE and queries.names == ["gate_front", "tower"]
    assert queries.boxes.tolist() == [[2, 3, 38, 29], [0, 0, 40, 30]]
    assert images.read(1) == picture(1, ".png") and images.read(3) == picture(4, ".webp")
    found = [{k: v.tolist() for k, v in query.items()} for query in read_ground_truth(labels)]
    assert found == [{"easy": [1, 0], "hard": [2], "junk": []}, {"easy": [], "hard": [3], "junk": [0]}]


def test_check_accepts_the_section(values, tmp_path):
    values["grid"]["datasets"].append("photos")
    values["grid"]["test_sets"].append("photos")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    command = [sys.executable, "-m", "stages.check", "cell.json", "checked.json"]
    subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=True)
    assert (tmp_path / "cell.json").exists()
