"""Any sensible part of the grid, from its parameters and records to the last table, picture and page."""

import csv
import json
from pathlib import Path

import pytest

from aml.complexity.costs import Cost, write_csv
from aml.files.atomic import write_json
from aml.pages.figures.training import LINES
from aml.params.reading import read_parameters
from stages import check, figures, page, tables
from tests.tables.paper_records import printed_records, write_queries

ROOT = Path(__file__).parents[2]
SETS = ["roxford5k", "rparis6k"]
GRIDS = {  # what differs from the paper's grid; rows of Table 7
    "all of it": ({}, 6 + 4 * 7),
    "one teacher": ({"teachers": ["vgg16"], "dimensions": [512]}, 3 + 2 * 7),
    "one student": ({"students": ["mobilenet_v2"]}, 4 + 2 * 7),
    "one loss": ({"losses": ["reg"]}, 6 + 4),
    "no loss": ({"losses": []}, 6),
    "no student without teacher": ({"dimensions": []}, 2 + 4 * 7),
    "three teachers": (
        {"teachers": ["vgg16", "resnet101", "efficientnet_b3"], "students": ["mobilenet_v2"]}
        | {"dimensions": [512, 2048, 1536]},
        3 + 3 + 3 * 7,
    ),
    "two teachers of one dimension": ({"teachers": ["resnet101", "resnet50"], "dimensions": [2048]}, 4 + 4 * 7),
    "one of each": (
        {"teachers": ["vgg16"], "students": ["mobilenet_v2"], "losses": ["reg"], "dimensions": []},
        1 + 1,
    ),
}


def parameters(**grid) -> dict:
    """The paper's parameters with part of its grid. There is a second ResNet, of the same dimension."""
    values = read_parameters(ROOT / "params.paper.yaml")
    networks = values["networks"]
    networks["resnet50"] = networks["resnet101"] | {"label": "ResNet50"}
    values["grid"] |= {"datasets": ["sfm120k", *SETS], "distractors": None, "seeds": [0], **grid}
    trained = values["grid"]["teachers"]  # published ones would have to score as printed
    values["grid"] |= {"trained_teachers": trained, "published_teachers": []}
    for axis, pointer in (("students", "student"), ("teachers", "teacher"), ("losses", "loss")):
        values[pointer] = (values["grid"][axis] or [""])[0]
    return values


def records(values: dict) -> dict[str, dict]:
    """A record of every network of the grid, with made-up scores."""
    grid, some, found = values["grid"], printed_records(), {}
    dimensions = {"vgg16": 512, "resnet101": 2048, "resnet50": 2048, "efficientnet_b3": 1536}

    def add(key, like, seed, **network):
        record = json.loads(json.dumps(some[like]))
        record["network"] |= {"key": key, "seed": seed, **network}
        found[key] = record

    for teacher in grid["teachers"]:
        add(teacher, "vgg16", None, network=teacher, dimension=dimensions[teacher])
    for student in grid["students"]:
        for dimension in grid["dimensions"]:
            add(f"{student}-{dimension}-0", "mobilenet_v2-512", 0, network=student, dimension=dimension)
        for teacher in grid["teachers"]:
            for loss in grid["losses"]:
                named = {"network": student, "teacher": teacher, "loss": loss, "dimension": dimensions[teacher]}
                add(f"{student}-{teacher}-{loss}-0", "mobilenet_v2-vgg16-reg", 0, **named)
    return found


def costs(values: dict) -> list[Cost]:
    """What the stage `complexity` measures: the teachers, and each student at each of their dimensions."""
    teachers = values["grid"]["teachers"]
    keys = [*teachers, *(f"{s}-{d}" for s in values["grid"]["students"] for d in (512, 1536, 2048))]
    return [Cost(key, key, 1, 10**6 * n, 768, 1024, 10**9 * n, 1.0, 1, "a CPU", 1) for n, key in enumerate(keys, 1)]


def write_curves(folder: Path) -> None:
    for name in LINES:
        path = folder / "plots" / "metrics" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"step\t{name}\n0\t1.0\n1\t2.0\n")


@pytest.mark.parametrize(("grid", "num_rows"), GRIDS.values(), ids=GRIDS)
def test_a_part_of_the_grid_has_its_tables_figures_and_page(tmp_path, monkeypatch, grid, num_rows):
    monkeypatch.chdir(tmp_path)
    values, report = parameters(**grid), tmp_path / "reports"
    report.mkdir()
    found = records(values)
    for folder in ("metrics", "ranked_lists"):
        (report / folder).mkdir()
    for key, record in found.items():
        write_json(report / "metrics" / f"{key}.json", record)
    write_queries(tmp_path / "queries", found, found)
    key = "-".join(str(values[name]) for name in ("student", "teacher", "loss", "seed"))
    check.main(report / "cell.json", report / "checked.json", values)

    tables.main(report / "metrics", tmp_path / "queries", report / "tables", report / "claims.csv", values)
    with open(report / "tables/table7.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == num_rows and all(row["roxford5k_medium_mAP"] for row in rows)

    write_csv(report / "complexity.csv", costs(values))
    write_curves(tmp_path / "models" / key / "curves")
    figures.main(
        report / "metrics", report / "complexity.csv", tmp_path / "queries", tmp_path / "models", report / "figures",
        values,
    )  # fmt: skip
    drawn = [picture["file"] for picture in json.loads((report / "figures/figures.json").read_text())]
    assert "map_cost.svg" in drawn

    (tmp_path / "params.yaml").write_text("grid\n")
    page.main(
        report / "tables",
        report / "claims.csv",
        report / "index.html",
        values,
        graph=[],
        cell=report / "cell.json",
        complexity=report / "complexity.csv",
        figures=report / "figures",
        ranked_lists=report / "ranked_lists",
    )
    text = (report / "index.html").read_text()
    assert all(values["networks"][name]["label"] in text for name in values["grid"]["teachers"])
