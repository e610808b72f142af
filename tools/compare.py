"""The cells of Tables 5 to 10 that moved between two commits, or from a commit to the workspace.

Not a stage: `python -m tools.compare main` before a pull request, `--markdown` for its text. Reads nothing but the
reports that git has, so neither data nor results need to be here.

Reads: reports/tables/table*.csv. Prints.
"""

import argparse
import subprocess
from pathlib import Path

from aml.tables.csv_files import parse_tables, read_tables
from aml.tables.model import Table
from stages.runtime import run
from tools.movement import as_markdown, as_text, movement

TABLES = "reports/tables"


def main(before: str, after: str | None, threshold: float, markdown: bool) -> None:
    earlier, later = at(before), at(after) if after else in_workspace()
    found = movement(earlier, later, threshold)
    if found.moves:
        print((as_markdown if markdown else as_text)(found.moves), end="\n\n")
    places = f"from {before} to {after or 'the workspace'}"
    print(f"{len(found.moves)} of {found.num_cells} cells moved by more than {threshold:g} points {places}.")
    for word, names in (("New", found.new), ("Gone", found.gone)):
        if names:
            print(f"{word}: {'; '.join(names)}.")


def in_workspace() -> list[Table]:
    paths = sorted(Path(TABLES).glob("table*.csv"), key=by_number)
    if not paths:
        raise ValueError(f"no table*.csv in {TABLES}; `dvc repro tables` writes them")
    return [table for path in paths for table in read_tables(path)]


def at(revision: str) -> list[Table]:
    """The tables that a commit holds. Raises ValueError if there is no such commit, or no table in it."""
    if git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode:
        raise ValueError(f"unknown revision {revision!r}; accepted: what `git rev-parse` takes for a commit")
    listed = git("ls-tree", "--name-only", "-z", revision, f"{TABLES}/").stdout.split("\0")
    paths = sorted((Path(path) for path in listed if Path(path).match("table*.csv")), key=by_number)
    if not paths:
        raise ValueError(f"no table*.csv in {TABLES} of {revision}")
    tables = []
    for path in paths:
        text = git("show", f"{revision}:./{path}").stdout
        tables += parse_tables(text.splitlines(), f"{revision}:{path}")
    return tables


def by_number(path: Path) -> tuple[int, str]:
    """table5.csv before table10.csv."""
    return len(path.name), path.name


def git(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["git", *arguments], capture_output=True, text=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", metavar="REV")
    parser.add_argument("after", metavar="REV", nargs="?", help="the workspace, if left out")
    parser.add_argument("--threshold", type=float, default=0.5, help="points; 0.5 if left out")
    parser.add_argument("--markdown", action="store_true", help="a table for a pull request")
    a = parser.parse_args()
    run(main, a.before, a.after, a.threshold, a.markdown)
