"""Any sensible part of the grid, from its parameters and records to the last table, picture and page; and no result of
a cell that is not in the grid."""

import copy
import csv
import json
from pathlib import Path

import pytest
import yaml

from aml.complexity.costs import write_csv
from aml.files.atomic import write_json
from aml.tables.settings import table_settings
from stages import check, figures, page, tables
from tests import ROOT, stages_of_the_graph
from tests.pages.test_figures import costs, write_curves
from tests.tables.paper_records import SETS, paper_parameters, printed_records, with_seeds, write_queries

GRIDS = {  # what differs from the paper's grid; rows of Table 7
    "all of it": ({}, 6 + 4 * 7),
    "one teacher": ({"teachers": ["vgg16"], "dimensions": [512]}, 3 + 2 * 7),
    "one loss": ({"losses": ["reg"]}, 6 + 4),
    "no loss": ({"losses": []}, 6),
    "losses beyond the paper": ({"losses": ["csd", "reg", "ssp"]}, 6 + 4),
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
    values = paper_parameters(**{"datasets": ["sfm120k", *SETS], "distractors": None} | grid)
    networks = values["networks"]
    networks["resnet50"] = networks["resnet101"] | {"label": "ResNet50"}
    for axis, pointer in (("students", "student"), ("teachers", "teacher"), ("losses", "loss")):
        values[pointer] = (values["grid"][axis] or [""])[0]
    return values


def records(values: dict) -> dict[str, dict]:
    """A record of every network of the grid and each of its seeds, with made-up scores."""
    some, found = printed_records(), {}
    for network in table_settings(values).networks():
        for key, seed in network.record_keys.items():
            found[key] = record = copy.deepcopy(some["mobilenet_v2-vgg16-reg" if network.teacher else "vgg16"])
            record["network"] |= {"key": key, "network": network.name, "seed": seed, "dimension": network.dimension}
            record["network"] |= {"teacher": network.teacher and network.teacher.key, "loss": network.loss.key}
    return found


def write(folder: Path, found: dict[str, dict]) -> None:
    (folder / "metrics").mkdir(exist_ok=True)
    for key, record in found.items():
        write_json(folder / f"metrics/{key}.json", record)
    write_queries(folder / "queries", found, found)


def reports(folder: Path, values: dict) -> dict[str, bytes]:
    """The files that check, tables, figures and page write from <folder>/metrics and <folder>/queries, by path."""
    out, grid = folder / "out", values["grid"]
    (out / "ranked_lists").mkdir(parents=True, exist_ok=True)
    check.main(out / "cell.json", out / "checked.json", values)
    tables.main(folder / "metrics", folder / "queries", out / "tables", out / "claims.csv", values)
    students = [f"{student}-{dimension}" for student in grid["students"] for dimension in (512, 1536, 2048)]
    write_csv(out / "complexity.csv", costs([*grid["teachers"], *students]))
    key = "-".join(str(values[name]) for name in ("student", "teacher", "loss", "seed"))
    if not (folder / "models" / key).exists():
        write_curves(folder / "models" / key / "curves")
    figures.main(
        folder / "metrics", out / "complexity.csv", folder / "queries", folder / "models", out / "figures", values
    )
    inputs = {name: out / name for name in ("figures", "ranked_lists")}
    inputs |= {"cell": out / "cell.json", "complexity": out / "complexity.csv"}
    page.main(out / "tables", out / "claims.csv", out / "index.html", values, graph=[], **inputs)
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The current folder, in which the page finds a params.yaml, and no time passes."""
    monkeypatch.chdir(tmp_path)
    made = {"when": "2026-01-02T03:04:05+00:00", "machine": "a CPU"}
    monkeypatch.setattr("aml.pages.provenance.making", lambda: made)
    (tmp_path / "params.yaml").write_text("grid\n")
    return tmp_path


@pytest.mark.parametrize(("grid", "num_rows"), GRIDS.values(), ids=GRIDS)
def test_a_part_of_the_grid_has_its_tables_figures_and_page(folder, grid, num_rows):
    values = parameters(**grid)
    write(folder, records(values))
    found = reports(folder, values)
    rows = list(csv.DictReader(found["tables/table7.csv"].decode().splitlines()))
    assert len(rows) == num_rows and all(row["roxford5k_medium_mAP"] for row in rows)
    assert not any(column.endswith("_sd") for column in rows[0])  # there is one seed
    assert "map_cost.svg" in [picture["file"] for picture in json.loads(found["figures/figures.json"])]
    text = found["index.html"].decode()
    beyond = [sign in text for sign in ('id="table-12"', "5, 7, 11", "its nearest images", "neighbours: the others")]
    assert beyond == 4 * ["csd" in values["grid"]["losses"]] and text.count("far above chance") == beyond[0]
    assert all(values["networks"][name]["label"] in text for name in values["grid"]["teachers"])
    assert ('class="pointed"' in text) is bool(values["loss"])


def test_results_of_cells_that_left_change_no_table_figure_or_page(folder):
    values = parameters(losses=["contr", "reg"])
    write(folder, records(values))
    expected = reports(folder, values)
    write(folder, records(parameters(losses=["rkd", "dr", "ms"])))
    write(folder, {key: record for key, record in with_seeds(printed_records(), {3: 1.0}).items() if "-" in key})
    (folder / "metrics/of_another_version.json").write_text('{"scores": [1]}')
    assert reports(folder, values) == expected


def test_the_committed_metrics_are_the_grid_s_and_dvc_shows_those_of_the_cell_under_study_alone():
    grid = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]["tables"]["params"]["params.yaml"]["grid"]
    names = [*grid["dimensions"], *(f"{teacher}-{loss}" for teacher in grid["teachers"] for loss in grid["losses"])]
    keys = [f"{student}-{name}-{seed}" for student in grid["students"] for name in names for seed in grid["seeds"]]
    kept = {path.stem for path in (ROOT / "reports/metrics").iterdir()}
    assert kept == {*grid["teachers"], *keys}
    stages = stages_of_the_graph() | yaml.safe_load((ROOT / "published/dvc.yaml").read_text())["stages"]
    metrics = [path for stage in stages.values() for metric in stage.get("metrics", []) for path in metric]
    assert metrics == ["reports/experiment.json"]
