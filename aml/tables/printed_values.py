"""Compare tables in the paper's setting, and published teachers, with the values printed in the supplement.

Printed values that are known to be doubtful are flagged and never corrected.
"""

from collections import namedtuple
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from aml.tables import latex
from aml.tables.csv_files import write_lines
from aml.tables.model import Row, Table, tenths

PRINTED = Path(__file__).with_name("printed") / "tables_5_to_10.csv"
# ours and printed are Decimals with one digit; ours, and with it difference, is None where the tables have a dash
Line = namedtuple("Line", "table student d teacher loss column printed ours difference flag")
TEACHERS_TABLE = 7  # has the teachers' symmetric scores without distractors


def compare(tables: Iterable[Table], printed: Iterable[Table]) -> list[Line]:
    """Return a line for each score that both have: same table, distractors, labels, loss, column."""
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
                flag = flag_of(table.number, row, column)
                lines.append(Line(table.number, *row.identity, column, theirs, ours, difference, flag))
    return lines


def write_comparison(lines: list[Line], differences: Iterable[Table], folder: Path) -> None:
    """Write comparison.csv, what `compare` gives, and comparison.tex, what `differences_from_printed` gives.

    Raises ValueError without lines: the tables aren't in the paper's setting.
    """
    if not lines:
        raise ValueError(
            "no score of the tables is in the supplement; accepted with comparison.printed: its networks on its sets, "
            "labelled and named as in params.paper.yaml"
        )
    write_lines(folder / "comparison.csv", Line._fields, lines)
    floats = [latex.render(table, f"tab:{table.number}-difference", _signed) for table in differences]
    (folder / "comparison.tex").write_text("\n".join(floats), encoding="utf-8")


def flag_of(table: int, row: Row, column: str) -> str:
    """Return what is doubtful about a printed score, "" for nothing."""
    student, dimension, teacher, loss = row.identity
    if table in (6, 8) and (student, teacher, loss) == ("EfficientNet-B3", "VGG16", "contr"):
        return "known flaw 1: ROxford and RParis look exchanged"
    if teacher and loss in ("triplet", "ms"):
        return "known flaw 2: triplet and MS look like an untrained student"
    cell = (table, student, dimension, teacher, loss, column)
    if cell == (10, "MobileNetV2", 2048, "ResNet101", "contr_plus", "rparis6k_medium_mP@10"):
        return "known flaw 3: 90.7 is possible"
    # Table 8 repeats the networks without teacher of Table 7
    if table in (7, 8) and cell[1:] == ("EfficientNet-B3", 2048, "", "contr", "roxford5k_medium_mP@10"):
        return "known flaw 4: above the teacher's"
    return ""


def differences_from_printed(tables: Iterable[Table], lines: list[Line]) -> Iterator[Table]:
    """Yield the tables that share lines with the printed ones, with differences for scores and daggers at flaws."""
    found = {line[:6]: line for line in lines}  # by table, row and column
    for table in tables:
        rows, distances = [], []
        for row in table.rows:
            of_row = {column: found.get((table.number, *row.identity, column)) for column in table.columns}
            values = {column: line and line.difference for column, line in of_row.items()}
            flagged = tuple(column for column, line in of_row.items() if line and line.flag)
            distances += [abs(value) for value in values.values() if value is not None]
            if any(of_row.values()):
                rows.append(replace(row, values=values, deviations={}, bold=(), marked=flagged))
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


def check_published(lines: list[Line], labels: list[str], tolerance: float) -> tuple[str, dict[str, Decimal]]:
    """Compare each mAP of the teachers with these labels with the printed one, in what `compare` gives.

    Their authors trained these networks, so nothing but the testing can move their scores: a large distance means that
    images, preprocessing or protocol are not the paper's. Returns the result in one sentence, "" if there is none, and
    the scores that are more than `tolerance` points off: ours minus printed, by "<label>, <column>".
    """
    found = {}
    for line in lines:
        is_published = line.table == TEACHERS_TABLE and not line.teacher and line.student in labels
        if is_published and line.column.endswith("_mAP") and line.difference is not None:
            found[f"{line.student}, {line.column}"] = line.difference
    if not found:
        return "", {}
    far = {name: value for name, value in found.items() if abs(value) > Decimal(str(tolerance))}
    largest = max(found, key=lambda name: abs(found[name]))
    sentence = (
        f"Published teachers: {len(found) - len(far)} of {len(found)} mAP are within {tolerance:g} points of the "
        f"printed ones; the largest difference is {found[largest]:+} ({largest})."
    )
    return sentence, far
