"""Prints the cells of Tables 5 to 12 that moved between two commits, or from a commit to the workspace.

Not a stage: `python -m tools.compare main` before a pull request, `--markdown` for its text. It reads only
reports/tables/table*.csv, which git keeps, so neither data nor results have to be on this machine.
"""

import argparse
from decimal import Decimal

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from tabulate import tabulate

from aml.tables.csv_files import parse_tables
from aml.tables.model import shown
from stages.runtime import run

TABLES = "reports/tables"
HEADER = ("table", "row", "column", "before", "after", "moved")
ALIGNMENT = 3 * ("left",) + 3 * ("right",)  # of the columns under HEADER
DASH = "–"
Cells = dict[tuple[int, str, str], str]  # scores as printed, "" for a dash, by table, row in words and column


def main(before: str, after: str | None, threshold: float, markdown: bool) -> None:
    earlier, later = cells(before), cells(after)
    if moves := moved(earlier, later, threshold):
        fields = [[field.replace("|", r"\|") if markdown else field for field in move] for move in moves]
        form = "pipe" if markdown else "plain"
        print(tabulate(fields, HEADER, form, disable_numparse=True, colalign=ALIGNMENT), end="\n\n")
    both = len(earlier.keys() & later.keys())
    states = f"from {before} to {after or 'the workspace'}"
    print(f"{len(moves)} of {both} cells moved by more than {threshold:g} points {states}.")
    for word, names in (("New", missing(later, earlier)), ("Gone", missing(earlier, later))):
        if names:
            print(f"{word}: {'; '.join(names)}.")


def cells(revision: str | None) -> Cells:
    """Return the cells of all tables in a commit, or in the workspace for None, in their order.

    Raises ValueError if there is no such commit, or no table in it.
    """
    try:
        files = DVCFileSystem(rev=revision)
        texts = {path: files.read_text(path) for path in files.glob(f"{TABLES}/table*.csv")}
    except DvcException as error:
        raise ValueError(f"{error}; accepted: what `git rev-parse` takes for a commit") from error
    if not texts:
        raise ValueError(f"no table*.csv in {TABLES} of {revision or 'the workspace'}; `dvc repro tables` writes them")
    found = {}
    for table in (table for path, text in texts.items() for table in parse_tables(text.splitlines(), path)):
        for row in table.rows:
            name = f"{row.pair}, {row.loss}" if row.teacher else row.pair
            found |= {(table.number, name, column): shown(value, missing="") for column, value in row.values.items()}
    return dict(sorted(found.items(), key=lambda cell: cell[0][0]))


def moved(earlier: Cells, later: Cells, threshold: float) -> list[tuple[str, ...]]:
    """Return the texts under HEADER of each cell that moved by more than `threshold` points of percent, or became a
    number or a dash."""
    moves = []
    for (table, row, column), after in later.items():
        before = earlier.get((table, row, column), after)
        distance = Decimal(after) - Decimal(before) if before and after else None
        if before != after and (distance is None or abs(distance) > Decimal(str(threshold))):
            texts = (before or DASH, after or DASH, DASH if distance is None else f"{distance:+}")
            moves.append((str(table), row, column, *texts))
    return moves


def missing(these: Cells, others: Cells) -> list[str]:
    """Return the rows that `others` lacks, and the columns that it lacks in rows of both, each once a table."""
    rows, names = {cell[:2] for cell in others}, []
    for table, row, column in (cell for cell in these if cell not in others):
        names.append(f"Table {table}, {f'column {column}' if (table, row) in rows else row}")
    return list(dict.fromkeys(names))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", metavar="REV")
    parser.add_argument("after", metavar="REV", nargs="?", help="the workspace, if left out")
    parser.add_argument("--threshold", type=float, default=0.5, help="points; 0.5 if left out")
    parser.add_argument("--markdown", action="store_true", help="a table for a pull request")
    a = parser.parse_args()
    run(main, a.before, a.after, a.threshold, a.markdown)
