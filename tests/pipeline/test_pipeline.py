"""What a user relies on, through the commands they type, on a grid of two cells."""

import pytest

from tests.pipeline.conftest import ran

pytestmark = pytest.mark.pipeline


def test_one_command_makes_every_result(finished):
    repository, output = finished
    assert ran(output)[0] == "check"
    for number in range(5, 11):
        assert (repository.folder / f"reports/tables/table{number}.csv").stat().st_size
        assert (repository.folder / f"reports/tables/table{number}.tex").stat().st_size
    record = repository.json("reports/metrics/lite0_fixed-lite0-reg.json")
    assert record["evaluation"]["query_crop"] and set(record) == {"network", "evaluation", "symmetric", "asymmetric"}
    assert "rsynth_a+synth1k" in record["asymmetric"]
    assert "asymmetric" not in repository.json("reports/metrics/lite0.json")
    experiment = repository.json("reports/experiment.json")
    cell = repository.json("reports/metrics/lite0_fixed-lite0-contr_plus.json")
    assert experiment["asymmetric"] == cell["asymmetric"]


def test_a_second_run_has_nothing_to_do(finished):
    assert ran(finished[0].dvc("repro")) == []


def test_another_loss_moves_the_pointer_and_trains_nothing(repository):
    before = repository.json("reports/experiment.json")
    output = repository.dvc("exp", "run", "-S", "loss=reg")
    assert set(ran(output)) <= {"check", "experiment"} and "experiment" in ran(output)
    assert repository.json("reports/experiment.json") != before
    assert "asymmetric" in repository.dvc("metrics", "diff")
    assert "reg" in repository.dvc("exp", "show", "--csv")


@pytest.mark.parametrize(
    "change, known",
    [
        ("loss=foo", "known: contr_plus, reg"),
        ("distill.learning_rate=abc", "float is expected"),
        ("+distill.epoch=3", "known:"),
    ],
)
def test_an_unknown_name_stops_before_any_other_stage(repository, change, known):
    output = repository.dvc("exp", "run", "-S", change, ok=False)
    assert known in output
    assert ran(output) == ["check"]


def test_one_edited_loss_marks_its_own_cell(repository):
    path = repository.folder / "aml/losses/reg.py"
    path.write_text(path.read_text() + "\n# edited\n")
    marked = [name for name in repository.status() if name.startswith(("distill", "train"))]
    assert marked == ["distill@lite0_fixed-lite0-reg"]


def test_going_back_to_earlier_parameters_trains_nothing_again(repository):
    first = repository.json("reports/experiment.json")
    outputs = [
        repository.dvc("exp", "run", "-S", f"losses.contr_plus.margin={margin}", "experiment") for margin in (0.8, 0.7)
    ]
    cell = "@lite0_fixed-lite0-contr_plus"
    # `experiment` follows only if this little set's metrics moved
    chain = ["check", f"distill{cell}", f"extract_distilled{cell}", f"evaluate_distilled{cell}"]
    assert ran(outputs[0])[:4] == chain and set(ran(outputs[0])) <= {*chain, "experiment"}
    assert not [name for name in ran(outputs[1]) if name.startswith(("distill", "extract", "train"))]
    assert repository.json("reports/experiment.json") == first
