"""Write the finished tables as one JSON file, and read it for the page."""

import json
from dataclasses import asdict
from pathlib import Path

from aml.files.atomic import write_json
from aml.params.reports import Loss
from aml.tables.model import Row, Table

FILE = "tables.json"


def write_json_tables(folder: Path, tables: list[Table], differences: list[Table], whitening: list[list[str]]) -> None:
    """Write <folder>/tables.json: Tables 5 to 10 with captions, notes and marks; their differences from the printed
    tables, if those are compared; the lines of `notes.whitening_lines`."""
    plain = {"tables": list(map(_plain, tables)), "differences": list(map(_plain, differences)), "whitening": whitening}
    write_json(folder / FILE, plain)


def read_json_tables(folder: Path) -> tuple[list[Table], list[Table], list[list[str]]]:
    """Read what `write_json_tables` was given."""
    found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return list(map(_table, found["tables"])), list(map(_table, found["differences"])), found["whitening"]


def _plain(table: Table) -> dict:
    """Return a table as JSON can hold it: lists for tuples and sets, floats for decimals."""
    rows = []
    for row in table.rows:
        values = {column: None if value is None else float(value) for column, value in row.values.items()}
        rows.append(asdict(row) | {"values": values, "bold": sorted(row.bold), "marked": sorted(row.marked)})
    return asdict(table) | {"rows": rows}


def _table(plain: dict) -> Table:
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
    return Table(**fields | {"rows": tuple(map(_row, plain["rows"]))})


def _row(plain: dict) -> Row:
    loss = Loss(**plain["trained_by"] | {"members": tuple(plain["trained_by"]["members"])})
    sets = {name: frozenset(plain[name]) for name in ("bold", "marked")}
    return Row(**plain | sets | {"trained_by": loss})
