"""README and docs: each change that they show applies and works, the paths that they name exist, their results are
those of the committed run."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from aml.tables.model import SUCCESSORS, tenths
from tests import ROOT, copy_tracked

PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs/results.md").read_text(encoding="utf-8")
LOAD_CC = [sys.executable, "-c", "from aml.losses import load; load('cc')"]
DIFFS = re.findall(r"```diff\n(.*?)```", (ROOT / "docs/extending.md").read_text(encoding="utf-8"), flags=re.DOTALL)


def apply(folder: Path, diff: str, *options: str) -> bool:
    """Whether `git apply` accepts the diff, to which it then changes the folder, unless it only checks."""
    command = ["git", "apply", *options, "-"]
    return subprocess.run(command, cwd=folder, input=diff, text=True, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def changed(tmp_path_factory) -> Path:
    """A copy of the tracked files, without the changes of docs/extending.md that they have, then with all of them."""
    folder = tmp_path_factory.mktemp("docs") / "changed"
    copy_tracked(folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    for diff in reversed(DIFFS):
        apply(folder, diff, "--reverse")
    assert "unknown loss 'cc'" in subprocess.run(LOAD_CC, cwd=folder, capture_output=True, text=True).stderr
    assert all(apply(folder, diff) for diff in DIFFS)
    return folder


def python(folder: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_a_loss_is_the_loss_that_there_is():
    assert apply(ROOT, DIFFS[0], "--reverse", "--check") and "b/aml/losses/cc.py" in DIFFS[0]


def test_check_accepts_the_changes(changed):
    assert len(DIFFS) == 5
    python(changed, "-m", "stages.check", "reports/cell.json", "data/checked.json")


def test_the_tables_have_the_new_loss_set_and_table(changed):
    (changed / "metrics").mkdir()
    python(changed, "-m", "stages.tables", "metrics", "queries", "tables", "claims.csv")
    rows = (changed / "tables" / "table12.csv").read_text()
    assert "castles_medium_mAP" in rows and ",cc," in rows and "MobileNetV3" in rows
    assert (changed / "tables" / "table13.csv").exists()


def test_the_new_loss_and_backbone_compute(changed):
    code = (
        "import torch; from aml.losses import load; from aml.networks.network import RetrievalNetwork\n"
        "anchors = torch.full((3, 4), 0.5)\n"
        "print(load('cc')(anchors, -anchors[:, None], weight=0.5).item())\n"
        "network = RetrievalNetwork(\n"
        "    backbone='mobilenet_v3_large', stages=17, frozen_stages=13, projection=16, gem_p=3.0)\n"
        "print(tuple(network(torch.rand(1, 3, 64, 64)).shape))"
    )
    assert python(changed, "-c", code).split("\n")[:2] == ["2.0", "(1, 16)"]


@pytest.mark.long
def test_the_whole_suite_passes_with_the_changes(changed):
    subprocess.run(["git", "add", "--all"], cwd=changed, check=True)
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=changed, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_paths_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8").partition("```diff")[0]
    for path in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / path).exists(), path
    for path in re.findall(r"\b(?:aml|stages|tools|synthetic|tests|benchmarks|graph)/[\w./]*\.(?:py|yaml)\b", text):
        assert (ROOT / path).exists(), path
    for command in re.findall(r"python -m ((?:stages|tools|benchmarks)[\w.]*\w)", text):
        module = ROOT.joinpath(*command.split("."))
        assert module.with_suffix(".py").exists() or (module / "__main__.py").exists(), command


def test_readme_is_short():
    assert len(README.splitlines()) <= 190 and len(README.split()) <= 2000


def result_tables(text: str = RESULTS) -> dict[str, list[list[str]]]:
    """The tables of a page by their first header, each as rows of cells."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    tables = [[line.strip("|").split("|") for line in block.splitlines()] for block in blocks]
    return {table[0][0].strip(): [[cell.strip() for cell in row] for row in table] for table in tables}


def medium(key: str, protocol: str, suffix: str = "", *, run: str = "reports", with_intervals: bool = False) -> str:
    """Medium mAP of a row of a run on each test set, as the pages print it: of the committed run or of a study."""
    with open(ROOT / run / "tables/intervals.csv", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["level"] == "medium"]
    found = {(line["key"], line["protocol"], line["set"]): line for line in lines}
    sets = yaml.safe_load((ROOT / "params.yaml").read_text())["grid"]["test_sets"]
    chosen = [found[key, protocol, name + suffix] for name in sets if (key, protocol, name + suffix) in found]
    return " / ".join(in_print(line) if with_intervals else in_print(line).split()[0] for line in chosen)


def in_print(line: dict[str, str]) -> str:
    """A line's mAP with its interval."""
    score, low, high = (tenths(float(line[name])) for name in ("mAP", "low", "high"))
    return f"{score} [{low}, {high}]"


@pytest.mark.parametrize(
    ("text", "title", "protocol", "num_losses"),
    [(RESULTS, "symmetric", "symmetric", 9), (RESULTS, "asymmetric", "asymmetric", 9)]
    + [(RESULTS, f"beyond, {protocol}", protocol, 8) for protocol in ("symmetric", "asymmetric")]
    + [(README, "asymmetric", "asymmetric", 6)],
)
def test_its_results_are_those_of_the_committed_runs(text, title, protocol, num_losses):
    """Losses beyond the paper are those of their own run, and so is all of a table that is only about them."""
    header, _, *rows = result_tables(text)[title]
    assert len(rows) == num_losses
    for loss, *cells in rows:
        run = "reports/beyond" if loss in SUCCESSORS or title.startswith("beyond") else "reports"
        for pair, cell in zip(header[1:], cells, strict=True):
            student, _, teacher = pair.partition(" by ")
            expected = medium(f"{student}-{teacher}-{loss}", protocol, run=run, with_intervals="[" in cell)
            assert cell == expected, (pair, loss)


def test_the_best_loss_beyond_the_paper_stands_beside_reg():
    """The best of the six in the mean over pairs and test sets; both with intervals."""
    _, _, *rows = result_tables(README)["asymmetric"]
    with open(ROOT / "reports/beyond/tables/table12.csv", newline="") as file:
        means = {name: [] for name in SUCCESSORS}
        for row in csv.DictReader(file):
            means.get(row["loss"], []).extend(float(row[f"rsynth_{name}_medium_mAP"]) for name in "ab")
    best = max(means, key=lambda name: sum(means[name]))
    assert [loss for loss, cell, *_ in rows if "[" in cell] == ["reg", best]


def test_the_scores_by_equal_budgets_are_those_of_their_run():
    _, _, *rows = result_tables()["equal budgets"]
    with open(ROOT / "reports/budget/budget.csv", newline="") as file:
        lines = {(line["protocol"], line["budget"], line["loss"]): line for line in csv.DictReader(file)}
    for loss, anchors, *cells in rows:
        shown = [lines[protocol, run, loss] for protocol in ("asymmetric", "symmetric") for run in ("steps", "images")]
        assert anchors == " / ".join(f"{int(line['anchors']):,}" for line in shown[:2])
        assert cells == [in_print(line) for line in shown]
    assert len(rows) == 7


def test_its_results_without_teacher_are_those_of_the_committed_run():
    _, _, *rows = result_tables()["network without teacher"]
    assert len(rows) == 6
    for name, _, alone, crowded in rows:
        key = name.removesuffix(" (teacher)").lower() if "teacher" in name else name
        assert alone == medium(key, "symmetric") and crowded == medium(key, "symmetric", "+synth1k"), name
