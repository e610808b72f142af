"""Published teachers against their printed mAP: whether images, preprocessing and protocol are the paper's. Torch-free.

The networks are the authors' own, so nothing but the testing can move their scores. Decoders and resizing differ a
little between machines, and since 2022 the Oxford and Paris images have blurred faces: the tolerance is a parameter.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from aml.tables.model import Table, select
from aml.tables.printed_values import shared_cells

TABLE = 7  # holds the teachers' symmetric scores without distractors


def distances(tables: Iterable[Table], printed: Iterable[Table], labels: Iterable[str]) -> dict[str, Decimal]:
    """Ours minus printed, in points, of each mAP of the networks without teacher labelled so: by "<label>, <column>".

    Scores that are not there are left out, on our side or, for other networks and sets than the paper's, on theirs.
    """
    labels = set(labels)
    tables = [table for table in tables if table.number == TABLE]
    columns = {column for table in tables for column in select(table.columns, "mAP")}
    return {
        f"{cell['student']}, {cell['column']}": cell["difference"]
        for cell in shared_cells(tables, printed)
        if cell["student"] in labels and not cell["teacher"] and cell["column"] in columns and cell["ours"] is not None
    }


def beyond(found: dict[str, Decimal], tolerance: float) -> dict[str, Decimal]:
    """Those that are further than `tolerance` points from the printed score."""
    return {name: value for name, value in found.items() if abs(value) > Decimal(str(tolerance))}


def sentence(found: dict[str, Decimal], tolerance: float) -> str:
    """What became of the check, in a sentence for people; "" where nothing was checked."""
    if not found:
        return ""
    largest = max(found, key=lambda name: abs(found[name]))
    within = len(found) - len(beyond(found, tolerance))
    return (
        f"Published teachers: {within} of {len(found)} mAP are within {tolerance:g} points of the printed ones; the "
        f"largest difference is {found[largest]:+} ({largest})."
    )


def noted(tables: Iterable[Table], note: str) -> list[Table]:
    """The tables, with `note`, if any, under the one that was checked."""
    return [replace(table, notes=(*table.notes, note)) if note and table.number == TABLE else table for table in tables]
