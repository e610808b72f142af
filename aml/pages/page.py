"""Render all results as one HTML page that needs no network, no script and no other file.

templates/page.html holds the text and the order of the sections. Its tables are the `Table`s that CSV and LaTeX show.
"""

import base64
import json
import mimetypes
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

from aml.pages.provenance import Commit, Family, noted
from aml.params.reports import Loss
from aml.tables.build import embolden
from aml.tables.claims import CLAIMS
from aml.tables.latex import environment
from aml.tables.model import LEVELS, Row, Table, shown, split_column, tenths, ticked

TEMPLATES = Path(__file__).with_name("templates")
DASH = "–"


# low and high by key, protocol, set or set+distractors, level
Intervals = dict[tuple[str, str, str, str], tuple[str, str]]


@dataclass(frozen=True)
class Picture:
    """An image that is part of the page's own text, as a data: URI."""

    uri: str
    title: str
    caption: str
    part: str = ""  # label of the only test set that it shows, "" if it shows all


@dataclass(frozen=True)
class Content:
    """The contents of the page. Of the last eight, those that are None or empty are left out."""

    note: str
    tables: list[Table]
    losses: tuple[Loss, ...]
    claims: list[dict[str, str]]  # the lines of claims.csv
    making: dict[str, str]  # as `provenance.making` gives it
    commit: Commit | None
    installed: dict[str, str]  # versions by module
    families: list[Family]
    parameters: str  # the text of params.yaml
    intervals: Intervals  # of mAP
    differences: list[Table]  # from the printed tables
    cell: str | None  # key of the table row of the cell under study
    contact_sheet: Picture | None
    complexity: list[dict[str, str]]  # the lines of complexity.csv
    whitening: list[dict[str, str]]  # of every network that has a record
    figures: list[Picture]
    ranked_lists: list[Picture]


def picture(path: Path, title: str, caption: str, part: str = "") -> Picture:
    """Read an image file."""
    data = base64.b64encode(path.read_bytes()).decode()
    return Picture(f"data:{mimetypes.guess_type(path)[0]};base64,{data}", title, caption, part)


def listed(index: Path) -> list[Picture]:
    """Read the pictures beside a JSON list of {file, title, caption, part (may be left out)}, in its order."""
    entries = json.loads(index.read_text(encoding="utf-8"))
    return [picture(index.parent / entry.pop("file"), **entry) for entry in entries]


def render(content: Content) -> str:
    tables = [replace(table, rows=tuple(embolden(table.rows, table.columns))) for table in content.tables]
    jinja = environment(TEMPLATES, autoescape=True, lstrip_blocks=True)
    jinja.globals |= {"LEVELS": LEVELS, "CLAIMS": CLAIMS, "DASH": DASH}
    jinja.globals |= {"groups": groups, "share": share, "interval": interval, "deviation": deviation}
    jinja.globals |= {"as_score": partial(shown, missing=DASH), "as_difference": _signed}
    jinja.filters |= {"metric": _metric, "duration": duration, "grouped": grouped, "moment": _moment, "noted": noted}
    jinja.filters |= {"description": _description, "raised": _raised, "trained": partial(ticked, tick="✓", dash=DASH)}
    return jinja.get_template("page.html").render(vars(content) | {"tables": tables})


def groups(table: Table) -> dict[str, list[Row]]:
    """Return a table's rows by title: first the networks without a teacher, then each pair's."""
    found: dict[str, list[Row]] = {}
    for row in table.rows:
        taught = f"{row.student}, taught by {row.teacher}, d = {row.dimension}"
        found.setdefault(taught if row.teacher else "Trained without a teacher, by labels", []).append(row)
    return found


def interval(intervals: Intervals, table: Table, row: Row, column: str) -> str:
    """Return the interval of a mAP in words, "" without one."""
    *place, metric = table.place(row, column)
    return " to ".join(intervals.get(tuple(place), ())) if metric == "mAP" else ""


def deviation(row: Row, column: str) -> str:
    """Return the standard deviation of a score over seeds in words, "" without one."""
    value = row.deviations.get(column)
    return "" if value is None else f"±{tenths(value)}"


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
