"""Render all results as one HTML page that needs no network, no script and no other file.

templates/page.html holds the text and the order of the sections. Its tables are the `Table`s that CSV and LaTeX show.
"""

import base64
import json
import mimetypes
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

from aml.pages.provenance import noted
from aml.params.reports import Loss
from aml.tables.build import embolden
from aml.tables.claims import CLAIMS
from aml.tables.latex import environment
from aml.tables.model import LEVELS, Row, Table, shown, split_column, tenths, ticked

TEMPLATES = Path(__file__).with_name("templates")
DASH = "–"


def data_uri(path: Path) -> str:
    """Return an image file as a URI that is part of the page's own text."""
    return f"data:{mimetypes.guess_type(path)[0]};base64,{base64.b64encode(path.read_bytes()).decode()}"


def listed(index: Path) -> list[dict[str, str]]:
    """Read a JSON list of {file, title, caption, ...}, pictures beside it; each gets its `uri`."""
    pictures = json.loads(index.read_text(encoding="utf-8"))
    return [picture | {"uri": data_uri(index.parent / picture["file"])} for picture in pictures]


def render(tables: list[Table], **content) -> str:
    """Return the page. `content` has a value for each other name in templates/page.html, as stages/page.py gives it;
    parts of the page whose value is None or empty are left out."""
    tables = [replace(table, rows=tuple(embolden(table.rows, table.columns))) for table in tables]
    jinja = environment(TEMPLATES, autoescape=True, lstrip_blocks=True)
    jinja.globals |= {"LEVELS": LEVELS, "CLAIMS": CLAIMS, "DASH": DASH, "groups": groups, "share": share}
    jinja.globals |= {"as_score": partial(shown, missing=DASH), "as_difference": _signed}
    jinja.filters |= {"metric": _metric, "duration": duration, "grouped": grouped, "moment": _moment, "noted": noted}
    jinja.filters |= {"description": _description, "raised": _raised, "trained": partial(ticked, tick="✓", dash=DASH)}
    return jinja.get_template("page.html").render(content, tables=tables)


def groups(table: Table) -> dict[str, list[Row]]:
    """Return a table's rows by title: first the networks without a teacher, then each pair's."""
    found: dict[str, list[Row]] = {}
    for row in table.rows:
        taught = f"{row.student}, taught by {row.teacher}, d = {row.dimension}"
        found.setdefault(taught if row.teacher else "Trained without a teacher, by labels", []).append(row)
    return found


def share(table: Table, column: str, value: float | None) -> str:
    """Return a score divided by the largest in its column, 0 to 1."""
    largest = max((row.values[column] or 0 for row in table.rows), default=0)
    return f"{value / largest:.2f}" if value and largest else "0"


def duration(seconds: float) -> str:
    """Return a time in words: 1.5 s, 12 s, 2 min 5 s, 1 h 3 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def grouped(text: str) -> str:
    """Return a whole number with commas between thousands; other texts unchanged."""
    return f"{int(text):,}" if text.isdecimal() else text


def _signed(value: Decimal | None) -> str:
    return DASH if value is None else f"{tenths(value):+}".replace("-", "−")


def _moment(time: str) -> str:
    """Return date and minute of a time in UTC (ISO 8601)."""
    return f"{time[:16].replace('T', ' ')} UTC"


def _metric(column: str) -> str:
    """Return the CSS classes of a column's cells: mAP after an expansion is shown beside both metrics only."""
    return {"mAP": "map", "mP@10": "mp"}.get(split_column(column)[2], "mp both")


def _raised(label: str) -> str:
    """Return a loss's label; a plus at its end is raised."""
    return f"{label.removesuffix('+')}⁺" if label.endswith("+") else label


def _description(loss: Loss) -> str:
    """Return in words what a loss compares an anchor with."""
    if not loss.members:
        return "keeps the relations between the images of a batch as the teacher has them; needs no label."
    words = {"self": "the image itself", "positive": "one of the same building", "negatives": "ones of others"}
    words["neighbours"] = "its nearest images"
    parts = " and ".join(words[member] for member in loss.members)
    return f"compares an image with {parts}; needs {'labels' if loss.labelled else 'no label'}."
