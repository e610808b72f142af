"""Results of cells that are not in the grid: none in tables, figures and page, none that git keeps."""

from pathlib import Path

import yaml

from aml.complexity.costs import Cost, write_csv
from aml.files.atomic import write_json
from aml.pages.provenance import Making
from stages import figures, page, tables
from tests.stages.test_tables_stage import paper
from tests.tables.paper_records import printed_records, with_seeds, write_queries

ROOT = Path(__file__).parents[2]
KEYS = [key for key in printed_records() if key.count("-") < 2]  # of networks without teacher
COSTS = [Cost(key, key, 512, 10**6, 768, 1024, 10**9, 1.0, 1, "a CPU", 1) for key in KEYS]


def reports(folder: Path) -> dict[str, bytes]:
    """The files that tables, figures and page write from <folder>/metrics and <folder>/queries."""
    values = paper() | {"student": "mobilenet_v2", "teacher": "vgg16", "loss": "rkd", "seed": 0}
    values["grid"] |= {"losses": ["contr", "reg"], "dimensions": [512, 2048]}
    out = folder / "out"
    tables.main(folder / "metrics", folder / "queries", out / "tables", out / "claims.csv", values)
    write_csv(folder / "complexity.csv", COSTS)
    figures.main(folder / "metrics", folder / "complexity.csv", folder / "queries", folder, out / "figures", values)
    page.main(
        out / "tables",
        out / "claims.csv",
        out / "index.html",
        values,
        graph=[],
        figures=out / "figures",
    )
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def write(folder: Path, keys) -> None:
    records = printed_records()
    (folder / "metrics").mkdir(exist_ok=True)
    for key in keys:
        write_json(folder / f"metrics/{key}.json", records[key])
    write_queries(folder / "queries", records, keys)


def test_they_change_no_table_figure_or_page(tmp_path, monkeypatch):
    monkeypatch.setattr("aml.pages.provenance.making", lambda: Making("2026-01-02T03:04:05+00:00", "a CPU"))
    in_grid = ["vgg16", "mobilenet_v2-vgg16-contr", "mobilenet_v2-vgg16-reg"]
    write(tmp_path, in_grid)
    expected = reports(tmp_path)
    assert "tables/table7.csv" in expected and "figures/figures.json" in expected
    write(tmp_path, [key for key in printed_records() if key.endswith(("-rkd", "-dr", "-ms"))])  # losses
    for key, record in with_seeds(printed_records(), {0: 1.0}).items():  # a version that trained
        if key.endswith("-0"):
            write_json(tmp_path / f"metrics/{key}.json", record)
    (tmp_path / "metrics/of_another_version.json").write_text('{"scores": [1]}')
    assert reports(tmp_path) == expected


def test_git_keeps_the_records_of_the_committed_run_and_no_other():
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())
    grid = lock["stages"]["tables"]["params"]["params.yaml"]["grid"]
    expected = set(grid["teachers"])
    for student in grid["students"]:
        for seed in grid["seeds"]:
            expected |= {f"{student}-{dimension}-{seed}" for dimension in grid["dimensions"]}
            expected |= {
                f"{student}-{teacher}-{loss}-{seed}" for teacher in grid["teachers"] for loss in grid["losses"]
            }
    assert {path.stem for path in (ROOT / "reports/metrics").iterdir()} == expected
    assert {path.suffix for path in (ROOT / "reports/metrics").iterdir()} == {".json"}


def test_dvc_shows_the_metrics_of_the_cell_under_study_alone():
    files = [ROOT / "dvc.yaml", *(ROOT / "graph").rglob("dvc.yaml"), ROOT / "published/dvc.yaml"]
    stages = [stage for file in files for stage in yaml.safe_load(file.read_text())["stages"].values()]
    metrics = [path for stage in stages for metric in stage.get("metrics", []) for path in metric]
    assert metrics == ["reports/experiment.json"]
