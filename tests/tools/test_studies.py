"""Studies beside the default: their parameters, which docs/dvc.md shows, and what is made of equal budgets."""

import csv
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from statistics import mean

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from aml.files.atomic import write_json
from aml.params.reading import parameters, read_parameters
from aml.tables.model import tenths
from stages import check
from tests import ROOT, set_at
from tests.tables.paper_records import SETS, printed_records, write_queries
from tests.tables.test_sub_grids import parameters as paper_parameters
from tests.tables.test_sub_grids import records
from tools import budget
from tools.studies import STUDIES, main, overrides

SEEDS, RECORDS = [0, 1, 2], printed_records()


@pytest.mark.parametrize(("name", "seeds"), [("seeds", [0, 1, 2, 3, 4]), ("beyond", [0]), ("budget", SEEDS)])
def test_a_study_is_the_experiments_that_the_page_shows_and_its_parameters_are_accepted(
    tmp_path, monkeypatch, name, seeds
):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs/dvc.md").read_text().replace("\\\n", " ")
    commands = re.findall(r"^ +dvc exp run --queue (.*)$", text, flags=re.MULTILINE)
    numbers = re.search(r"for anchors in ([\d ]+); do", text).group(1).split()
    shown = [
        set(map(in_any_order, shlex.split(command.replace("$anchors", n), comments=True)))
        for command in commands
        for n in numbers
    ]
    values = read_parameters(ROOT / "params.yaml")
    for wanted in STUDIES[name].runs(values).values():
        changes = overrides(values, {"grid.seeds": seeds} | wanted)
        assert set(map(in_any_order, ["-S", *changes])) in shown
        shutil.copy(ROOT / "params.yaml", tmp_path)
        apply_overrides(tmp_path / "params.yaml", changes)
        check.main(tmp_path / "cell.json", tmp_path / "checked.json", parameters())
        assert parameters()["grid"]["seeds"] == seeds


def test_a_study_is_of_a_commit_without_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    git = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org")
    with pytest.raises(ValueError, match="no commit; accepted: a commit without changes"):
        main("seeds", [])
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "first")):
        subprocess.run([*git, *words], check=True)
    Path("a.py").touch()
    with pytest.raises(ValueError, match=r"changes in a\.py; accepted: a commit without changes"):
        main("seeds", [])
    with pytest.raises(ValueError, match="unknown study 'seed'; known: seeds, beyond, budget"):
        main("seed", [])


def in_any_order(change: str) -> tuple[str, frozenset[str]]:
    """`name=[value,...]` with its values in any order: where params.yaml names a further loss, theirs differs."""
    name, _, values = change.partition("=")
    return name, frozenset(values.strip("[]").split(","))


def test_budgets_are_equal():
    """Anchors of each loss at equal steps; at equal images its anchors times the images of its tuples."""
    values = read_parameters(ROOT / "params.yaml")
    values["losses"]["ms"]["num_negatives"] = 2
    found = budget.runs(values)
    tuples = {"reg": 1, "contr_plus": 7, "contr": 7, "triplet": 7, "ms": 4, "csd": 1, "d3still": 1}
    for loss, images in tuples.items():
        name = f"losses.{loss}.images_per_epoch"
        assert found["steps"][name] == 1000 and found["images"][name] * images == 7000


def finished(folder: Path, wanted: dict[str, object], points: dict[str, float]) -> Path:
    """A clone with made-up metrics: losses score the same but for `points`, seeds and queries but for a shift."""
    folder.mkdir()
    values = paper_parameters()
    for name, value in (wanted | {"grid.seeds": SEEDS}).items():
        set_at(values, name, value)
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    found = records(values)
    for record in found.values():
        seed, loss = (record["network"][name] for name in ("seed", "loss"))
        for level in (level for name in SETS for level in record.get("asymmetric", {}).get(name, {}).values()):
            level["mAP"] += points.get(loss, 0) + (seed - 1)
    (folder / "reports/metrics").mkdir(parents=True)
    for key, record in found.items():
        write_json(folder / f"reports/metrics/{key}.json", record)
    (folder / "data").mkdir()
    write_queries(folder / "data/queries", found, found)
    return folder


def test_what_budgets_change_is_told_with_paired_intervals(tmp_path):
    by_run = budget.runs(paper_parameters())
    points = {"steps": {"contr_plus": -2.0}, "images": {"contr_plus": -2.0, "reg": 3.0, "csd": -1.5}}
    clones = {run: finished(tmp_path / run, by_run[run], points[run]) for run in by_run}
    (tmp_path / "kept").mkdir()
    text = budget.keep(clones, tmp_path / "kept")
    with open(tmp_path / "kept/budget.csv", newline="") as file:
        lines = {(line["budget"], line["protocol"], line["loss"]): line for line in csv.DictReader(file)}
    assert len(lines) == 2 * 2 * 7
    base = mean(RECORDS["mobilenet_v2-vgg16-reg"]["asymmetric"][name]["medium"]["mAP"] for name in SETS)
    for (run, protocol, loss), line in lines.items():
        of_run, of_steps = (points[name] if protocol == "asymmetric" else {} for name in (run, "steps"))
        less_reg = of_run.get(loss, 0) - of_run.get("reg", 0)
        less_steps = of_run.get(loss, 0) - of_steps.get(loss, 0)
        for name, expected in (("less_reg", less_reg), ("less_steps", less_steps)):
            assert [float(line[name + end]) for end in ("", "_low", "_high")] == pytest.approx(3 * [expected])
        if protocol == "asymmetric":
            assert float(line["mAP"]) == pytest.approx(base + of_run.get(loss, 0), abs=0.006)
            assert 0.5 < float(line["mAP"]) - float(line["low"]) < 2 and float(line["high"]) > float(line["mAP"]) + 0.5
    csd = lines["steps", "asymmetric", "csd"], lines["images", "asymmetric", "csd"]
    (row,) = (row for row in text.splitlines() if row.startswith("| csd"))
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[1] == " / ".join(f"{int(line['anchors']):,}" for line in csd)
    assert cells[2:4] == [f"{tenths(line['mAP'])} [{tenths(line['low'])}, {tenths(line['high'])}]" for line in csd]
    assert cells[4] == cells[5] and "Losses by equal budgets" in text
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"budget.csv", "budget.svg", "budget.png"}
