"""The README: what it shows as a change is one, and the paths that it names are there."""

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from aml.tables.model import tenths

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DIFFS = re.findall(r"```diff\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def changed(tmp_path_factory) -> Path:
    """A copy of the code with every change of the README, one after the other."""
    folder = tmp_path_factory.mktemp("readme") / "changed"
    folder.mkdir()
    shutil.copy(ROOT / "params.yaml", folder)
    for name in ("aml", "stages", "synthetic"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for diff in DIFFS:
        subprocess.run(["git", "apply", "-"], cwd=folder, input=diff, text=True, check=True)
    return folder


def python(folder: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_check_accepts_the_changes(changed):
    assert len(DIFFS) == 4
    python(changed, "-m", "stages.check", "reports/cell.json", "data/checked.json")


def test_the_tables_have_the_new_loss_set_and_table(changed):
    (changed / "metrics").mkdir()
    python(changed, "-m", "stages.tables", "metrics", "queries", "tables", "claims.csv")
    rows = (changed / "tables" / "table8.csv").read_text()
    assert "castles_medium_mAP" in rows and ",cosine," in rows and "ResNet50" in rows
    assert (changed / "tables" / "table11.csv").exists()


def test_the_new_loss_and_backbone_compute(changed):
    code = (
        "import torch; from aml.losses import load; from aml.networks.network import RetrievalNetwork\n"
        "anchors = torch.eye(3, 4); references = torch.stack([anchors, -anchors], 1)\n"
        "print(load('cosine')(anchors, references, weight=0.5).item())\n"
        "network = RetrievalNetwork(backbone='resnet50', stages=8, frozen_stages=5, projection=16, gem_p=3.0)\n"
        "print(tuple(network(torch.rand(1, 3, 64, 64)).shape))"
    )
    assert python(changed, "-c", code).split("\n")[:2] == ["3.0", "(1, 16)"]


def test_the_paths_that_it_names_are_there():
    linked = re.findall(r"\]\(([^)#]+)\)", README)
    assert linked
    for path in linked:
        assert (ROOT / path).exists(), path


def result_tables() -> dict[str, list[list[str]]]:
    """The README's tables by their first header, each as rows of cells."""
    blocks = re.findall(r"(?:^\|.*\n)+", README, flags=re.MULTILINE)
    tables = [[line.strip("|").split("|") for line in block.splitlines()] for block in blocks]
    return {table[0][0].strip(): [[cell.strip() for cell in row] for row in table] for table in tables}


def medium(key: str, protocol: str, suffix: str = "") -> str:
    """Medium mAP of a row of the committed run on each test set, as the README prints it."""
    with open(ROOT / "reports/tables/intervals.csv", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["level"] == "medium"]
    scores = {(line["key"], line["protocol"], line["set"]): float(line["mAP"]) for line in lines}
    grid = yaml.safe_load((ROOT / "params.yaml").read_text())["grid"]
    return " / ".join(str(tenths(scores[key, protocol, name + suffix])) for name in grid["test_sets"])


@pytest.mark.parametrize("protocol", ["symmetric", "asymmetric"])
def test_its_results_are_those_of_the_committed_run(protocol):
    header, _, *rows = result_tables()[protocol]
    assert len(rows) == 9
    for loss, *cells in rows:
        for pair, cell in zip(header[1:], cells, strict=True):
            student, _, teacher = pair.partition(" by ")
            assert cell == medium(f"{student}-{teacher}-{loss}", protocol), (pair, loss)


def test_its_results_without_teacher_are_those_of_the_committed_run():
    _, _, *rows = result_tables()["network without teacher"]
    assert len(rows) == 6
    for name, _, alone, crowded in rows:
        key = name.removesuffix(" (teacher)").lower() if "teacher" in name else name
        assert alone == medium(key, "symmetric") and crowded == medium(key, "symmetric", "+synth1k"), name
