"""Write tables as CSV and LaTeX files, and read them from CSV."""

import csv
from collections.abc import Iterable
from pathlib import Path

from aml.params.reports import Loss
from aml.tables import latex
from aml.tables.model import Row, Table, shown

DEVIATION = "_sd"  # the end of the name of a column of standard deviations
IDENTITY_COLUMNS = (
    *("table", "protocol", "distractors", "student", "d", "teacher", "lab", "loss"),
    *("self", "pos", "neg", "mining", "asym"),
)


def write_lines(path: Path, columns: Iterable[str], lines: Iterable[Iterable]) -> None:
    """Write a CSV file with a header; floats get two decimals."""
    texts = ([f"{cell:.2f}" if isinstance(cell, float) else cell for cell in line] for line in lines)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *texts])


def write_tables(tables: list[Table], folder: Path) -> None:
    """Write table<number>.csv and .tex of each table and tables.tex, a document of them.

    The CSV has one decimal, and empty fields where LaTeX has dashes. Standard deviations over seeds, if there are any,
    follow after all scores.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        deviations = [f"{column}{DEVIATION}" for column in table.columns] if table.has_deviations else []
        columns = (*IDENTITY_COLUMNS, *table.columns, *deviations)
        write_lines(folder / f"table{table.number}.csv", columns, (_fields(table, row) for row in table.rows))
        text = latex.render(table, label=f"tab:{table.number}")
        (folder / f"table{table.number}.tex").write_text(text, encoding="utf-8")
    document = latex.document(table.number for table in tables)
    (folder / "tables.tex").write_text(document, encoding="utf-8")


def _fields(table: Table, row: Row) -> list:
    members = [int(row.trained(name)) if row.trained_by.members else "" for name in ("Self", "Pos", "Neg")]
    return [
        *(table.number, table.protocol, table.distractors),
        *(row.student, row.dimension, row.teacher, int(row.trained("Lab")), row.loss),
        *(*members, row.trained("Mining"), int(row.trained("Asym"))),
        *(shown(row.values[column], missing="") for column in table.columns),
        *(shown(row.deviations[column], missing="") for column in table.columns if table.has_deviations),
    ]


def read_tables(path: str | Path) -> list[Table]:
    """Read the scores of a CSV file in the supplement's layout, with any test sets; rows have no record keys, and of
    losses the key alone.

    Raises ValueError as `parse_tables` does.
    """
    with open(path, newline="", encoding="utf-8") as file:
        return parse_tables(file, str(path))


def parse_tables(text: Iterable[str], name: str) -> list[Table]:
    """Read tables from the lines of a CSV file, which errors call `name`.

    Raises ValueError for a file without the layout's columns and for a row with more or fewer fields.
    """
    header, *lines = list(csv.reader(text)) or [[]]
    identity, scores = tuple(header[: len(IDENTITY_COLUMNS)]), header[len(IDENTITY_COLUMNS) :]
    columns = tuple(name for name in scores if not name.endswith(DEVIATION))
    if identity != IDENTITY_COLUMNS or not columns:
        raise ValueError(f"{name} starts with columns {', '.join(identity)}; accepted: {', '.join(IDENTITY_COLUMNS)}")
    rows: dict[tuple[int, str], list[Row]] = {}  # by number and distractors of their table
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            raise ValueError(f"line {number} of {name} has {len(line)} fields; accepted: {len(header)}")
        fields = dict(zip(header, line, strict=True))
        loss = Loss(fields["loss"], fields["loss"], (), "none")
        values = {column: float(fields[column]) if fields[column] else None for column in columns}
        row = Row("", fields["student"], int(fields["d"]), fields["teacher"], loss, values)
        rows.setdefault((int(fields["table"]), fields["distractors"]), []).append(row)
    return [Table(*table, columns, tuple(of_table), set_labels=()) for table, of_table in rows.items()]
