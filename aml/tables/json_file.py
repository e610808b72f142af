"""Write the finished tables as one JSON file, and read it for the page."""

import json
from dataclasses import asdict
from pathlib import Path

from aml.params.reports import Loss
from aml.tables.model import Row, Table

FILE = "tables.json"


def write_json_tables(folder: Path, tables: list[Table], differences: list[Table], whitening: list[dict]) -> None:
    """Write <folder>/tables.json: Tables 5 to 10 with captions, notes and marks; their differences from the printed
    tables, if those are compared; the lines of `notes.whitening_lines`."""
    found = {"tables": list(map(asdict, tables)), "differences": list(map(asdict, differences)), "whitening": whitening}
    text = json.dumps(found, indent=2, ensure_ascii=False, default=float)  # of a Decimal
    (folder / FILE).write_text(f"{text}\n", encoding="utf-8")


def read_json_tables(folder: Path) -> tuple[list[Table], list[Table], list[dict]]:
    """Read what `write_json_tables` was given."""
    found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return list(map(_table, found["tables"])), list(map(_table, found["differences"])), found["whitening"]


def _table(plain: dict) -> Table:
    rows = (Row(**_fields(row) | {"trained_by": Loss(**_fields(row["trained_by"]))}) for row in plain["rows"])
    return Table(**_fields(plain) | {"rows": tuple(rows)})


def _fields(plain: dict) -> dict:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
