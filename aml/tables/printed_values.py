"""Compare tables in the paper's setting, and published teachers, with the values printed in the supplement.

Printed values that are known to be doubtful are flagged and never corrected.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from aml.tables import latex
from aml.tables.model import Row, Table, split_column, tenths

PRINTED = Path(__file__).with_name("printed") / "tables_5_to_10.csv"
COMPARISON_COLUMNS = (
    *("table", "student", "d", "teacher", "loss"),
    *("column", "printed", "ours", "difference", "flag"),
)
FLAWS = {
    1: "ROxford and RParis look exchanged",
    2: "triplet and MS look like an untrained student",
    3: "90.7 is possible",
    4: "above the teacher's",
}
TEACHERS_TABLE = 7  # has the teachers' symmetric scores without distractors


def compare(tables: Iterable[Table], printed: Iterable[Table]) -> list[dict]:
    """Return a dict of COMPARISON_COLUMNS for each score that both have: same table, distractors, labels, loss, column.

    Scores are Decimals with one digit, None where ours is missing.
    """
    printed_rows = {(table.number, table.distractors, row.identity): row for table in printed for row in table.rows}
    lines = []
    for table in tables:
        for row in table.rows:
            twin = printed_rows.get((table.number, table.distractors, row.identity))
            for column in table.columns if twin else ():
                if twin.values.get(column) is None:
                    continue
                theirs, ours = tenths(twin.values[column]), row.values[column]
                ours = None if ours is None else tenths(ours)
                difference = None if ours is None else ours - theirs
                flaw = flaw_of(table.number, row, column)
                flag = f"known flaw {flaw}: {FLAWS[flaw]}" if flaw else ""
                values = (table.number, *row.identity, column, theirs, ours, difference, flag)
                lines.append(dict(zip(COMPARISON_COLUMNS, values, strict=True)))
    return lines


def write_comparison(lines: list[dict], differences: Iterable[Table], folder: Path) -> None:
    """Write comparison.csv, what `compare` gives, and comparison.tex, what `differences_from_printed` gives.

    Raises ValueError without lines: the tables aren't in the paper's setting.
    """
    if not lines:
        raise ValueError(
            "no score of the tables is in the supplement; accepted with comparison.printed: its networks on its sets, "
            "labelled and named as in params.paper.yaml"
        )
    with open(folder / "comparison.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COMPARISON_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    floats = [latex.render(table, f"tab:{table.number}-difference", _signed) for table in differences]
    (folder / "comparison.tex").write_text("\n".join(floats), encoding="utf-8")


def flaw_of(table: int, row: Row, column: str) -> int | None:
    """Return which of FLAWS the printed score shows, None for none."""
    student, dimension, teacher, loss = row.identity
    if table in (6, 8) and (student, teacher, loss) == ("EfficientNet-B3", "VGG16", "contr"):
        return 1
    if teacher and loss in ("triplet", "ms"):
        return 2
    if table == 10 and (student, teacher, loss) == ("MobileNetV2", "ResNet101", "contr_plus"):
        return 3 if column == "rparis6k_medium_mP@10" else None
    # Table 8 repeats the networks without teacher of Table 7
    if table in (7, 8) and (student, dimension, teacher) == ("EfficientNet-B3", 2048, ""):
        return 4 if column == "roxford5k_medium_mP@10" else None
    return None


def differences_from_printed(tables: Iterable[Table], lines: list[dict]) -> Iterator[Table]:
    """Yield the tables that share lines with the printed ones, with differences for scores and daggers at flaws."""
    found = {(c["table"], c["student"], c["d"], c["teacher"], c["loss"], c["column"]): c for c in lines}
    for table in tables:
        rows, distances = [], []
        for row in table.rows:
            of_row = {column: found.get((table.number, *row.identity, column)) for column in table.columns}
            values = {column: line and line["difference"] for column, line in of_row.items()}
            flagged = frozenset(column for column, line in of_row.items() if line and line["flag"])
            distances += [abs(value) for value in values.values() if value is not None]
            if any(of_row.values()):
                rows.append(replace(row, values=values, deviations={}, bold=frozenset(), marked=flagged))
        if not rows:
            continue
        title = f"Difference from the printed Table {table.number}"
        mean = f", on average {sum(distances) / len(distances):.2f} points off" if distances else ""
        caption = (
            f"{title}, ours minus printed, in points: {len(distances)} scores compared{mean}. "
            "A dagger marks printed values that are known to be doubtful."
        )
        yield replace(table, rows=tuple(rows), title=title, caption=caption)


def _signed(value: Decimal) -> str:
    return f"${value:+}$" if value else str(abs(value))


def published_distances(lines: list[dict], labels: Iterable[str]) -> dict[str, Decimal]:
    """Return ours minus printed, in points, of each mAP of the teachers with these labels: by "<label>, <column>".

    `lines`: what `compare` gives. Their authors trained these networks, so nothing but the testing can move their
    scores: a large distance means that images, preprocessing or protocol are not the paper's. Scores that either side
    lacks are left out.
    """
    shown = {(TEACHERS_TABLE, label, "") for label in labels}
    return {
        f"{line['student']}, {line['column']}": line["difference"]
        for line in lines
        if (line["table"], line["student"], line["teacher"]) in shown
        and split_column(line["column"])[2] == "mAP"
        and line["ours"] is not None
    }


def beyond(found: dict[str, Decimal], tolerance: float) -> dict[str, Decimal]:
    """Return the distances of more than `tolerance` points."""
    return {name: value for name, value in found.items() if abs(value) > Decimal(str(tolerance))}


def published_sentence(found: dict[str, Decimal], tolerance: float) -> str:
    """Return the result of the check in one sentence; "" where nothing was checked."""
    if not found:
        return ""
    largest = max(found, key=lambda name: abs(found[name]))
    within = len(found) - len(beyond(found, tolerance))
    return (
        f"Published teachers: {within} of {len(found)} mAP are within {tolerance:g} points of the printed ones; the "
        f"largest difference is {found[largest]:+} ({largest})."
    )


def with_note(tables: Iterable[Table], note: str) -> list[Table]:
    """Return the tables with `note`, if any, under the one that has the teachers' scores."""
    return [
        replace(table, notes=(*table.notes, note)) if note and table.number == TEACHERS_TABLE else table
        for table in tables
    ]
