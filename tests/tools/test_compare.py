"""`python -m tools.compare` in a small repository: cells that moved between two states of two tables."""

import os
import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo

from aml.tables.csv_files import IDENTITY_COLUMNS
from tests import ROOT, python
from tools.compare import main

COLUMNS = ("a_medium_mAP", "a_medium_mP@10")
BEFORE = {"reg": ("10.0", "20.0"), "dr": ("5.0", "6.0"), "ms": ("", "7.0")}
AFTER = {"reg": ("10.6", "20.5"), "dr": ("5.0", ""), "a|b": ("1.0", "1.0")}


def write(rows: dict[str, tuple[str, ...]], columns: tuple[str, ...] = COLUMNS) -> None:
    """Tables 8 and 10, one row a loss, all of one pair."""
    Path("reports/tables").mkdir(parents=True, exist_ok=True)
    for number in (8, 10):
        lines = [",".join((*IDENTITY_COLUMNS, *columns))]
        lines += [f"{number},asymmetric,,S,64,T,1,{loss},1,0,0,,1,{','.join(scores)}" for loss, scores in rows.items()]
        Path(f"reports/tables/table{number}.csv").write_text("\n".join(lines) + "\n")


def commit(tag: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (("add", "--all"), (*identity, "commit", "--quiet", "--message", tag), ("tag", tag)):
        subprocess.run(["git", *words], check=True)


@pytest.fixture(autouse=True)
def repository(tmp_path, monkeypatch):
    """Its commits have the tags empty, before and after."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    Repo.init().close()
    commit("empty")
    for tag, rows in {"before": BEFORE, "after": AFTER}.items():
        write(rows)
        commit(tag)


def test_two_commits(capsys):
    """More than the threshold is a move, and so is a dash; a row that one commit alone has is named."""
    main("before", "after", 0.5, markdown=False)
    assert capsys.readouterr().out.splitlines() == [
        "table    row          column            before    after    moved",
        "8        S by T, reg  a_medium_mAP        10.0     10.6     +0.6",
        "8        S by T, dr   a_medium_mP@10       6.0        –        –",
        "10       S by T, reg  a_medium_mAP        10.0     10.6     +0.6",
        "10       S by T, dr   a_medium_mP@10       6.0        –        –",
        "",
        "4 of 8 cells moved by more than 0.5 points from before to after.",
        "New: Table 8, S by T, a|b; Table 10, S by T, a|b.",
        "Gone: Table 8, S by T, ms; Table 10, S by T, ms.",
    ]


def test_the_workspace_another_threshold_and_a_column_that_one_state_alone_has(capsys):
    write({"a|b": ("0.6",)}, COLUMNS[:1])
    main("HEAD~0", None, 0.3, markdown=True)
    _, _, line, _, _, counted, gone = capsys.readouterr().out.splitlines()
    assert line == r"| 8       | S by T, a\|b | a_medium_mAP |      1.0 |     0.6 |    -0.4 |"
    assert counted == "2 of 2 cells moved by more than 0.3 points from HEAD~0 to the workspace."
    names = [f"Table {n}, {name}" for n in (8, 10) for name in ("S by T, reg", "S by T, dr", f"column {COLUMNS[1]}")]
    assert gone == f"Gone: {'; '.join(names)}."


@pytest.mark.parametrize(
    ("revision", "sentence"),
    [
        ("nowhere", "unknown Git revision 'nowhere'; accepted: what `git rev-parse` takes for a commit"),
        ("empty", "no table*.csv in reports/tables of empty; `dvc repro tables` writes them"),
    ],
)
def test_a_revision_without_tables_is_refused_in_a_sentence(revision, sentence):
    done = python("-m", "tools.compare", revision, cwd=".", env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"compare: {sentence}\n")
