"""Several seeds: a network for each, one row of the tables for all. Studies beside the default."""

import re
import statistics

import pytest
import yaml

from tests import ROOT, read_rows
from tests.pipeline.conftest import cells, ran
from tools import budget

pytestmark = pytest.mark.pipeline


def test_another_seed_is_a_network_of_its_own_in_the_same_row(repository):
    teacher, student, first, reg = cells(repository)
    second, *missing = (f"{key.removesuffix('-0')}-1" for key in (first, student, reg))
    output = repository.dvc("exp", "run", "-S", "seed=1", "-S", "grid.seeds=[0,1]", "experiment")
    chain = [f"{stage}@{second}" for stage in ("distill", "extract_distilled", "evaluate_distilled")]
    assert sorted(ran(output)) == sorted(["check", *chain, "experiment"])  # check may come second: nothing needs it
    assert [name for name in repository.status() if name.endswith(("-0", f"@{teacher}"))] == []

    records = [repository.json(f"reports/metrics/{key}.json") for key in (first, second)]
    assert [record["network"]["seed"] for record in records] == [0, 1]
    assert repository.json(f"reports/metrics/{teacher}.json")["network"]["seed"] is None
    scores = [record["asymmetric"]["rsynth_a"]["medium"]["mAP"] for record in records]
    assert scores[0] != scores[1]
    assert repository.json("reports/experiment.json")["asymmetric"]["rsynth_a"]["medium"]["mAP"] == scores[1]

    output = repository.dvc("repro", "--single-item", "tables")
    named = re.search(r"dashes, for 2 networks: (.*)", output).group(1)
    assert sorted(named.split(", ")) == sorted(missing)
    table = {row["loss"]: row for row in read_rows(repository.folder / "reports/tables/table8.csv") if row["teacher"]}
    shown = [table["contr_plus"][f"rsynth_a_medium_mAP{ending}"] for ending in ("", "_sd")]
    expected = statistics.mean(scores), statistics.stdev(scores)
    assert [float(score) for score in shown] == pytest.approx(expected, abs=0.051)
    assert table["reg"]["rsynth_a_medium_mAP"] == ""


@pytest.mark.long
def test_seeds_are_run_beside_the_default(repository):
    """In a clone that shares the cache: nothing is trained twice, and nothing but reports/seeds changes here."""
    pytest.importorskip("ray")
    before = repository.status()
    output = repository.run("python", "-m", "tools.studies", "seeds", "0", "1")
    trained = re.findall(r"(?:train_teacher|train_student|distill)@(\S+): started on", output)
    assert sorted(trained) == sorted(f"{key.removesuffix('-0')}-1" for key in cells(repository)[1:])
    assert repository.changes() == {"reports/seeds/"} and repository.status() == before
    kept = repository.folder / "reports/seeds"
    assert all(row["rsynth_a_medium_mAP_sd"] for row in read_rows(kept / "tables/table8.csv") if row["teacher"])
    assert "seeds 0, 1" in (kept / "README.md").read_text() and (kept / "losses.png").stat().st_size
    claims = read_rows(kept / "claims.csv")
    assert any(row["holds"] or row["fails"] or row["cannot_be_told"] for row in claims)
    assert "started on" not in repository.run("python", "-m", "tools.studies", "seeds", "0", "1")


@pytest.mark.long
def test_budgets_are_run_beside_the_default(repository):
    """Two runs, in which the networks by labels are the same: those alone are trained once."""
    pytest.importorskip("ray")
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    losses = {name: values["losses"][name] | {"images_per_epoch": 20} for name in budget.LOSSES}
    losses["csd"]["num_neighbours"] = 10
    repository.edit("losses", yaml.safe_load((repository.folder / "params.yaml").read_text())["losses"] | losses)
    repository.commit()
    output = repository.run("python", "-m", "tools.studies", "budget", "0")
    trained = [key.split("-")[2] for key in re.findall(r"distill@(\S+): run, ", output)]
    new = [name for name in budget.LOSSES if name not in ("reg", "contr_plus")]
    assert sorted(trained) == sorted([*new, "reg", "csd", "d3still"])
    assert repository.changes() == {"reports/budget/"}
    lines = read_rows(repository.folder / "reports/budget/budget.csv")
    assert {(line["budget"], line["loss"], line["anchors"]) for line in lines} >= {
        ("steps", "reg", "20"),
        ("images", "reg", "140"),
        ("images", "contr", "20"),
    }
    text = (repository.folder / "reports/budget/README.md").read_text()
    assert "`make budget` at commit " in text and "| d3still" in text
