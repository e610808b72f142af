"""Runs with a wrong parameter or a failed cell."""

import shutil

import pytest

from tests import read_rows
from tests.pipeline.conftest import cells, ran

pytestmark = pytest.mark.pipeline


def test_the_check_stops_every_target_before_anything_is_removed(repository):
    """tests/params has all mistakes that it finds."""
    _, _, contr_plus, reg = cells(repository)
    unknown = "check: unknown 'regg' in params.yaml: grid.losses; known: cc, contr, contr_plus"
    cell = f"graph/extract_distilled/dvc.yaml:extract_distilled@{reg}"
    for name, value, targets, message in (
        ("grid.losses", ["contr_plus", "regg"], [[]], unknown),
        ("losses.contr_plus.num_negatives", -1, [["experiment"], ["complexity"], [cell]], "num_negatives is -1"),
    ):
        repository.edit(name, value)
        for target in targets:
            output = repository.dvc("repro", *target, ok=False)
            assert ran(output) == ["check"] and message in output
        repository.run("git", "checkout", "--quiet", "params.yaml")
    assert (repository.folder / "models" / contr_plus / "model.safetensors").exists()
    assert ran(repository.dvc("repro", "experiment")) == ["check"]
    assert ran(repository.dvc("exp", "run", "-S", "distill.learning_rate=0.000005", "check")) == ["check"]
    assert "learning_rate: 5e-06" in (repository.folder / "params.yaml").read_text()  # and read as a number


def test_past_a_failed_cell_tables_show_a_dash_and_no_old_number(repository):
    _, _, contr_plus, reg = cells(repository)
    repository.edit("losses.contr_plus.margin", 1e30)  # a finite number, and a loss that is not
    (repository.folder / f"reports/metrics/{reg}.json").unlink()  # another cell has work to do
    output = repository.run("make", "repro", ok=False)

    assert "train: training loss is inf at epoch 0, step 0; a finite number is expected" in output
    assert ran(output) == ["check", f"distill@{contr_plus}", f"evaluate_distilled@{reg}", "tables", "page"]
    assert f"tables: no metrics, and dashes, for 1 networks: {contr_plus}" in output
    for number in range(5, 11):
        path = repository.folder / f"reports/tables/table{number}"
        scores = {
            row["loss"]: [value for name, value in row.items() if name.endswith("mAP")]
            for row in read_rows(path.with_suffix(".csv"))
            if row["teacher"]
        }
        assert not any(scores["contr_plus"]) and all(scores["reg"])
        assert "Not evaluated: " in path.with_suffix(".tex").read_text()
    tables = list((repository.folder / "reports/tables").glob("table*.csv"))
    assert (repository.folder / "reports/index.html").read_text().count("Not evaluated: ") == len(tables) >= 6
    assert not (repository.folder / f"reports/metrics/{contr_plus}.json").exists()
    assert not (repository.folder / "reports/experiment.json").exists()
    assert not any((repository.folder / "reports/ranked_lists").iterdir())

    halves = [path for folder in ("models", "data") for path in (repository.folder / folder).rglob(".*.tmp*")]
    assert halves == [] and not (repository.folder / "models" / contr_plus).exists()


def test_an_unpacked_archive_trains_after_git_init_alone(repository):
    shutil.rmtree(repository.folder / ".git")
    repository.run("git", "init", "--quiet")
    _, _, contr_plus, _ = cells(repository)
    forced = ["repro", "--single-item", "--force", f"graph/distill/dvc.yaml:distill@{contr_plus}", "page"]
    assert ran(repository.dvc(*forced)) == [f"distill@{contr_plus}", "page"]
    assert (repository.folder / f"models/{contr_plus}/curves/plots/metrics/train_loss.tsv").exists()
