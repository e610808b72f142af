"""`dvc repro`: what runs, what doesn't, and that results repeat."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from aml.pages.provenance import families
from aml.run_log import last_runs
from tests import read_rows
from tests.pipeline.conftest import Repository, cells, ran

pytestmark = pytest.mark.pipeline


def test_one_command_makes_every_result(finished):
    repository, output = finished
    reports, (teacher, student, contr_plus, reg) = repository.folder / "reports", cells(repository)
    assert ran(output)[:2] == ["code", "check"]
    for number in range(5, 11):
        assert all((reports / f"tables/table{number}.{ending}").stat().st_size for ending in ("csv", "tex"))
    parts = Counter(figure["part"] for figure in repository.json("reports/figures/figures.json"))
    assert parts == {"": 5, "RSynthA": 3, "RSynthB": 3}  # the cell's queries and training are of all test sets
    keys = [line.split(",")[0] for line in (reports / "complexity.csv").read_text().splitlines()]
    assert keys == ["key", teacher, student.removesuffix("-0")]
    records = {key: repository.json(f"reports/metrics/{key}.json") for key in (teacher, student, contr_plus, reg)}
    assert set(records[reg]) == {"chance", "network", "evaluation", "symmetric", "asymmetric"}
    assert records[reg]["evaluation"]["query_crop"] and "rsynth_a+synth1k" in records[reg]["asymmetric"]
    assert "asymmetric" not in {*records[teacher], *records[student]}
    under_study = repository.json("reports/experiment.json")
    for protocol, sets in under_study.items():
        for name, levels in sets.items():
            scores = records[contr_plus][protocol][name]
            assert levels == {level: {"mAP": scores[level]["mAP"]} for level in levels} and "medium" in levels
    shown = [(protocol, name) for protocol in ("symmetric", "asymmetric") for name in records[contr_plus][protocol]]
    assert [(protocol, name) for protocol, sets in under_study.items() for name in sets] == shown
    rows = {teacher, *(key.removesuffix("-0") for key in (student, contr_plus, reg))}
    assert {line["key"] for line in read_rows(reports / "tables/intervals.csv")} == rows
    pair, first, _ = contr_plus.rsplit("-", 2)
    lines = read_rows(reports / "tables/differences.csv")
    assert {(line["pair"], line["first"], line["second"]) for line in lines} == {(pair, first, reg.split("-")[2])}
    pages = repository.json("reports/ranked_lists/ranked_lists.json")
    assert pages and all((reports / "ranked_lists" / page["file"]).stat().st_size for page in pages)


def test_the_page_knows_every_stage_and_what_it_took(finished):
    """All stages but its own, and `experiment`, which it doesn't wait for."""
    folder, names = finished[0].folder, set(finished[0].entries())
    graph = [lock.with_suffix(".yaml") for lock in folder.rglob("dvc.lock")]  # without graph/search, which has not run
    values = yaml.safe_load((folder / "params.yaml").read_text())
    assert {cell for family in families(graph, values, {}) for cell in family.cells} == names
    assert set(last_runs(folder / "work/stages.jsonl")) == names
    page = (folder / "reports/index.html").read_text()
    assert all(f'<th scope="row">{name}</th>' in page for name in names - {"experiment", "page"})


def test_a_second_run_has_nothing_to_do_and_the_cache_holds_no_second_copy(finished):
    started = time.monotonic()
    output = finished[0].dvc("repro")
    assert ran(output) == [] and "Data and pipelines are up to date." in output
    assert time.monotonic() - started < 20
    assert finished[0].changes() == set()
    for path in ("raw/synthsfm/ims.tar.gz", "processed/synthsfm/images.tar"):
        assert (finished[0].folder / "data" / path).stat().st_nlink == 2


def test_make_repro_ends_with_a_page_of_this_machine(repository):
    """Where all results come with a clone no stage runs, and the page would stay the other machine's."""
    (repository.folder / "work/stages.jsonl").unlink()
    before = (repository.folder / "reports/index.html").read_text()
    assert ran(repository.run("make", "repro")) == ["page"]
    after = (repository.folder / "reports/index.html").read_text()
    assert "No run of a stage was noted there" in after and "No run of a stage was noted there" not in before
    assert ran(repository.run("make", "repro")) == []


def test_dvc_draws_the_training_of_the_cell_under_study(finished):
    plots = json.loads(finished[0].dvc("plots", "show", "--json"))["data"]
    points = {name: plot["content"]["data"]["values"] for name, (plot,) in plots.items()}
    expected = {
        "Loss": {"train_loss", "validation_loss"},
        "Retrieval on the validation split": {"symmetric_recall", "asymmetric_recall"},
        "GeM's power": {"gem_p"},
    }
    curves = set().union(*expected.values())
    assert {name: curves & set().union(*values) for name, values in points.items()} == expected


def test_a_teacher_has_constants_of_its_own(repository):
    """A constant of a distilled student marks no teacher; one of teachers marks them, and is what they train by."""
    repository.edit("losses.contr.margin", 1e30)
    assert not [name for name in repository.status() if name.startswith(("train", "distill", "targets"))]
    repository.edit("train_teacher.loss.margin", 1e30)  # a finite number, and a loss that is not
    teacher = f"train_teacher@{cells(repository)[0]}"
    assert [name for name in repository.status() if name.startswith(("train", "distill", "targets"))] == [teacher]
    output = repository.dvc("repro", f"graph/train/dvc.yaml:{teacher}", ok=False)
    assert "train: training loss is inf at epoch 0, step 0" in output


def test_going_back_to_earlier_parameters_trains_nothing_again(repository):
    """`dvc exp run -S ... experiment` computes one cell's chain, and the run cache brings an old model back."""
    first = repository.json("reports/experiment.json")
    margin = yaml.safe_load((repository.folder / "params.yaml").read_text())["losses"]["contr_plus"]["margin"]
    forth = repository.dvc("exp", "run", "-S", "losses.contr_plus.margin=0.8", "experiment")
    repository.edit("losses.contr_plus.margin", margin)
    back = repository.dvc("repro", "experiment")
    cell = cells(repository)[2]
    # `experiment` follows only if this little set's metrics moved
    chain = ["check", f"distill@{cell}", f"extract_distilled@{cell}", f"evaluate_distilled@{cell}"]
    assert ran(forth)[:4] == chain and set(ran(forth)) <= {*chain, "experiment"}
    assert set(ran(back)) <= {"check", f"evaluate_distilled@{cell}", "experiment"}
    assert f"Stage 'graph/distill/dvc.yaml:distill@{cell}' is cached - skipping run" in back
    assert repository.json("reports/experiment.json") == first
    written = {path for path in repository.changes() if Path(path).name != "dvc.lock"}
    assert written <= {"params.yaml"}  # as DVC formats it


def test_a_fresh_clone_without_cache_makes_the_same_bytes(finished, tmp_path):
    finished[0].run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    output = clone.dvc("repro", f"graph/train/dvc.yaml:train_teacher@{cells(clone)[0]}")
    stages = [name.partition("@")[0] for name in ran(output)]
    assert sorted(stages) == ["check", "download", "preprocess", "train_teacher", "weights"]
    # DVC promises no order between weights and the data, which do not need each other
    assert stages[0] == "check" and stages[-1] == "train_teacher"
    assert stages.index("download") < stages.index("preprocess")
    assert clone.changes() == set()  # dvc.lock holds the hashes of the first run
