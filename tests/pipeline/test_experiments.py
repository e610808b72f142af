"""`dvc exp run`: the pointer, copies of the repository. The queue: tests/pipeline/test_concurrency.py."""

import json

import pytest

from tests.pipeline.conftest import ran

pytestmark = pytest.mark.pipeline


def test_another_loss_moves_the_pointer_and_trains_nothing(repository):
    before = repository.json("reports/experiment.json")
    output = repository.dvc("exp", "run", "-S", "loss=reg")
    assert sorted(ran(output)) == ["check", "experiment", "figures", "page", "ranked_lists"]
    assert repository.json("reports/experiment.json") != before
    assert [row["loss"] for row in repository.experiments()] == ["reg", "contr_plus", "reg"]
    differences = json.loads(repository.dvc("metrics", "diff", "--json"))["reports/experiment.json"]
    assert any(name.startswith("asymmetric.") and entry["diff"] for name, entry in differences.items())
    repository.edit("loss", "contr_plus")
    # `experiment` comes from the run cache, which has no folders that are not in DVC's own cache
    assert sorted(ran(repository.dvc("repro"))) == ["check", "figures", "page", "ranked_lists"]
    assert repository.json("reports/experiment.json") == before


def test_an_experiment_runs_in_a_copy_of_the_repository(repository):
    output = repository.dvc("exp", "run", "--temp", "-S", "loss=reg")
    assert sorted(ran(output)) == ["check", "experiment", "figures", "page", "ranked_lists"]
    assert repository.changes() == set()
    assert [row["loss"] for row in repository.experiments()] == ["contr_plus", "contr_plus", "reg"]
