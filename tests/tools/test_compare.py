"""Cells that moved between two states of a table, and `python -m tools.compare` in a small git repository."""

import os
import subprocess
from pathlib import Path

import pytest

from aml.tables.csv_files import IDENTITY_COLUMNS, parse_tables
from tests import ROOT, python
from tools.compare import as_markdown, movement


def write(folder: Path, **scores: str) -> None:
    """Tables 5 and 10, one row a loss."""
    (folder / "reports/tables").mkdir(parents=True, exist_ok=True)
    for number in (5, 10):
        lines = [",".join((*IDENTITY_COLUMNS, "a_medium_mAP"))]
        lines += [f"{number},asymmetric,,S,64,T,1,{loss},1,0,0,,1,{score}" for loss, score in scores.items()]
        (folder / f"reports/tables/table{number}.csv").write_text("\n".join(lines) + "\n")


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "nothing")
    git(folder, "tag", "empty")
    for tag, scores in {"first": {"reg": "10.0"}, "second": {"reg": "12.0", "dr": "1.0"}}.items():
        write(folder, **scores)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", tag)
        git(folder, "tag", tag)
    write(folder, reg="12.3", dr="1.0")
    return folder


def compare(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return python("-m", "tools.compare", *arguments, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)})


def test_two_commits(repository):
    done = compare(repository, "first", "second")
    assert done.returncode == 0 and done.stdout.splitlines() == [
        "table    row          column          before    after    moved",
        "5        S by T, reg  a_medium_mAP      10.0     12.0     +2.0",
        "10       S by T, reg  a_medium_mAP      10.0     12.0     +2.0",
        "",
        "2 of 2 cells moved by more than 0.5 points from first to second.",
        "New: Table 5, S by T, dr; Table 10, S by T, dr.",
    ]


def test_the_workspace_and_another_threshold(repository):
    unmoved = "0 of 4 cells moved by more than 0.5 points from second to the workspace.\n"
    assert compare(repository, "second").stdout == unmoved
    done = compare(repository, "second", "--threshold", "0.25", "--markdown")
    line = " ".join(done.stdout.splitlines()[2].split())
    assert line == "| 5 | S by T, reg | a_medium_mAP | 12.0 | 12.3 | +0.3 |"


@pytest.mark.parametrize(
    ("revision", "sentence"),
    [
        ("nowhere", "compare: unknown revision 'nowhere'; accepted: what `git rev-parse` takes for a commit\n"),
        ("empty", "compare: no table*.csv in reports/tables of empty\n"),
    ],
)
def test_a_revision_without_tables_is_refused_in_a_sentence(repository, revision, sentence):
    done = compare(repository, revision)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", sentence)


COLUMNS = ("a_medium_mAP", "a_medium_mP@10")


def tables(rows: dict, columns=COLUMNS):
    """Table 8 with rows by loss, all of one pair."""
    lines = [",".join((*IDENTITY_COLUMNS, *columns))]
    lines += [f"8,asymmetric,,S,64,T,1,{loss},1,0,0,,1,{','.join(scores)}" for loss, scores in rows.items()]
    return parse_tables(lines, "test")


BEFORE = tables({"reg": ("10.0", "20.0"), "dr": ("5.0", "6.0"), "ms": ("", "7.0")})
AFTER = tables({"reg": ("10.6", "20.5"), "dr": ("5.0", ""), "rkd": ("1.0", "1.0")})


def test_more_than_the_threshold_is_a_move_and_so_is_a_dash():
    found = movement(BEFORE, AFTER, 0.5)
    assert found.moves == [
        ("8", "S by T, reg", "a_medium_mAP", "10.0", "10.6", "+0.6"),
        ("8", "S by T, dr", "a_medium_mP@10", "6.0", "–", "–"),
    ]
    assert found.num_cells == 4
    assert (found.new, found.gone) == (["Table 8, S by T, rkd"], ["Table 8, S by T, ms"])
    assert [move[-1] for move in movement(BEFORE, AFTER, 0.4).moves][:2] == ["+0.6", "+0.5"]
    assert movement(AFTER, BEFORE, 0.5).moves[0][-1] == "-0.6"


def test_nothing_moves_to_itself_and_a_column_that_only_one_has_is_named_once():
    found = movement(BEFORE, BEFORE, 0)
    assert (found.moves, found.num_cells, found.new, found.gone) == ([], 6, [], [])
    after = tables({"reg": ("1.0",), "dr": ("5.0",), "ms": ("",)}, columns=("a_medium_mAP",))
    found = movement(BEFORE, after, 0.5)
    assert (found.new, found.gone, found.num_cells) == ([], ["Table 8, column a_medium_mP@10"], 3)
    assert movement([], AFTER, 0.5).new == [f"Table 8, S by T, {loss}" for loss in ("reg", "dr", "rkd")]


def test_as_markdown():
    assert as_markdown([*movement(BEFORE, AFTER, 0.5).moves, ("8", "a|b", "c", "1.0", "2.0", "+1.0")]).splitlines() == [
        "| table   | row         | column         |   before |   after |   moved |",
        "|:--------|:------------|:---------------|---------:|--------:|--------:|",
        "| 8       | S by T, reg | a_medium_mAP   |     10.0 |    10.6 |    +0.6 |",
        "| 8       | S by T, dr  | a_medium_mP@10 |      6.0 |       – |       – |",
        r"| 8       | a\|b        | c              |      1.0 |     2.0 |    +1.0 |",
    ]
