"""Prints the cells of Tables 5 to 10 that moved between two commits, or from a commit to the workspace.

Not a stage: `python -m tools.compare main` before a pull request, `--markdown` for its text. It reads only
reports/tables/table*.csv, which git keeps, so neither data nor results have to be on this machine.
"""

import argparse
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tabulate import tabulate

from aml.tables.csv_files import parse_tables, read_tables
from aml.tables.model import Row, Table, tenths
from stages.runtime import run

TABLES = "reports/tables"
HEADER = ("table", "row", "column", "before", "after", "moved")
ALIGNMENT = 3 * ("left",) + 3 * ("right",)  # of the columns under HEADER
DASH = "–"


@dataclass(frozen=True)
class Movement:
    """What moved from one state of the tables to another.

    moves: the texts under HEADER of each cell that moved by more than the threshold, or became a number or a dash;
    num_cells: how many cells both states have; new, gone: rows and columns that only one state has, in words.
    """

    moves: list[tuple[str, ...]]
    num_cells: int
    new: list[str]
    gone: list[str]


def main(before: str, after: str | None, threshold: float, markdown: bool) -> None:
    found = movement(at(before), at(after) if after else in_workspace(), threshold)
    if found.moves:
        print(as_markdown(found.moves) if markdown else as_table(found.moves, "plain"), end="\n\n")
    states = f"from {before} to {after or 'the workspace'}"
    print(f"{len(found.moves)} of {found.num_cells} cells moved by more than {threshold:g} points {states}.")
    for word, names in (("New", found.new), ("Gone", found.gone)):
        if names:
            print(f"{word}: {'; '.join(names)}.")


def in_workspace() -> list[Table]:
    paths = sorted(Path(TABLES).glob("table*.csv"), key=by_number)
    if not paths:
        raise ValueError(f"no table*.csv in {TABLES}; `dvc repro tables` writes them")
    return [table for path in paths for table in read_tables(path)]


def at(revision: str) -> list[Table]:
    """Return the tables in a commit. Raises ValueError if there is no such commit, or no table in it."""
    if git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode:
        raise ValueError(f"unknown revision {revision!r}; accepted: what `git rev-parse` takes for a commit")
    listed = git("ls-tree", "--name-only", "-z", revision, f"{TABLES}/").stdout.split("\0")
    paths = sorted((Path(path) for path in listed if Path(path).match("table*.csv")), key=by_number)
    if not paths:
        raise ValueError(f"no table*.csv in {TABLES} of {revision}")
    texts = {path: git("show", f"{revision}:./{path}").stdout for path in paths}
    return [table for path, text in texts.items() for table in parse_tables(text.splitlines(), f"{revision}:{path}")]


def by_number(path: Path) -> tuple[int, str]:
    """Return a key that sorts table5.csv before table10.csv."""
    return len(path.name), path.name


def git(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["git", *arguments], capture_output=True, text=True)


def movement(before: Iterable[Table], after: Iterable[Table], threshold: float) -> Movement:
    """Return what moved from one state of the tables to another; `threshold` in points of percent."""
    earlier, later = rows(before), rows(after)
    moves, num_cells = [], 0
    for key, row in later.items():
        others = earlier[key].values if key in earlier else {}
        for column in (column for column in row.values if column in others):
            num_cells += 1
            pair = [None if value is None else tenths(value) for value in (others[column], row.values[column])]
            distance = None if None in pair else pair[1] - pair[0]
            if pair[0] != pair[1] and (distance is None or abs(distance) > Decimal(str(threshold))):
                scores = (DASH if score is None else str(score) for score in pair)
                moved = DASH if distance is None else f"{distance:+}"
                moves.append((str(key[0]), words(row), column, *scores, moved))
    return Movement(moves, num_cells, missing(later, earlier), missing(earlier, later))


def rows(tables: Iterable[Table]) -> dict[tuple[int, tuple], Row]:
    """Return every row by the number of its table and its identity."""
    return {(table.number, row.identity): row for table in tables for row in table.rows}


def words(row: Row) -> str:
    return f"{row.pair}, {row.loss}" if row.teacher else row.pair


def missing(these: dict, others: dict) -> list[str]:
    """Return the rows that `others` lacks, and the columns that it lacks in rows of both; each is named once for a
    table."""
    found = []
    for key, row in these.items():
        if key not in others:
            found.append(f"Table {key[0]}, {words(row)}")
        else:
            found += [f"Table {key[0]}, column {column}" for column in row.values if column not in others[key].values]
    return list(dict.fromkeys(found))


def as_markdown(moves: list[tuple[str, ...]]) -> str:
    return as_table([[field.replace("|", r"\|") for field in move] for move in moves], "pipe")


def as_table(moves: Iterable[Sequence[str]], form: str) -> str:
    return tabulate(moves, HEADER, form, disable_numparse=True, colalign=ALIGNMENT)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", metavar="REV")
    parser.add_argument("after", metavar="REV", nargs="?", help="the workspace, if left out")
    parser.add_argument("--threshold", type=float, default=0.5, help="points; 0.5 if left out")
    parser.add_argument("--markdown", action="store_true", help="a table for a pull request")
    a = parser.parse_args()
    run(main, a.before, a.after, a.threshold, a.markdown)
