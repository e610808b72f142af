"""Render tables as LaTeX for plain pdflatex.

A table is a float to \\input; it needs amssymb, booktabs, graphicx, multirow and rotating.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache
from itertools import groupby
from pathlib import Path
from textwrap import wrap

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aml.tables.model import LEVELS, Row, Table, shown, ticked

TEMPLATES = Path(__file__).with_name("templates")
NETWORK = ("Student", "$d$", "Teacher")
ALIGNED = {"Student": "l", "$d$": "r", "Teacher": "l", "Loss": "l", "Mining": "l"}  # other headings in the middle
DASH = "--"
LONGEST = 32  # characters of a network's label on a line
ESCAPES = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"{''}",
    }
)


def escape(text: str) -> str:
    """Return text that LaTeX prints as it is; runs of white space become one space."""
    return " ".join(text.split()).translate(ESCAPES)


def render(table: Table, label: str, text: Callable[[Decimal], str] = str) -> str:
    """Return a table's float; `text` prints a score rounded to one decimal."""
    template = templates(TEMPLATES).get_template("table.tex")
    return template.render(
        table=table,
        label=label,
        columns="".join(ALIGNED.get(heading, "c") for heading in _headings(table)) + "r" * len(table.columns),
        header=_header(table),
        body=_body(table, text),
    )


def document(numbers: Iterable[int]) -> str:
    """Return a document of the files table<number>.tex, whose tables have these numbers."""
    return templates(TEMPLATES).get_template("document.tex").render(numbers=list(numbers))


@cache
def templates(folder: Path) -> Environment:
    """Return the templates of LaTeX files in `folder`. They use <% %> and << >>, since braces are LaTeX's; the filter
    `latex` escapes."""
    jinja = environment(
        folder,
        autoescape=False,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
    )
    jinja.filters["latex"] = escape
    return jinja


def environment(folder: Path, **syntax) -> Environment:
    """Return the Jinja templates in `folder`: a name without a value is an error, and blocks leave no empty line."""
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        **syntax,
    )


def _headings(table: Table) -> list[str]:
    """Return the headings of the columns before the scores; the loss follows Lab, as in the supplement."""
    labels, *training = table.kind.training
    return [*NETWORK, labels, "Loss", *training]


def _header(table: Table) -> list[str]:
    headings = _headings(table)
    sets = [_set(label) for label in table.set_labels]
    return [
        *_spanning([level.capitalize() for level in LEVELS], len(table.metrics) * len(sets), len(headings)),
        *_spanning(sets * len(LEVELS), len(table.metrics), len(headings)),
        _line([*headings, *table.metrics * (len(sets) * len(LEVELS))]),
    ]


def _set(label: str) -> str:
    """Return a test set's label; the distractors' is below it, since beside it it would widen the columns."""
    name, plus, distractors = label.partition("+")
    return _stack([name, plus + distractors] if plus else [name], "c")


def _stack(lines: list[str], side: str) -> str:
    """Return text of one or more lines, in braces, since a cell must not start with [ or *."""
    text = r" \\ ".join(f"{{{escape(line)}}}" for line in lines)
    return text if len(lines) == 1 else rf"{{\begin{{tabular}}{{@{{}}{side}@{{}}}}{text}\end{{tabular}}}}"


def _spanning(titles: list[str], width: int, before: int) -> list[str]:
    """Return a header line and the rules under it; each title spans `width` score columns, after `before` others."""
    starts = [before + 1 + width * i for i in range(len(titles))]
    rules = "".join(rf"\cmidrule(lr){{{start}-{start + width - 1}}}" for start in starts)
    return [_line([""] * before + [rf"\multicolumn{{{width}}}{{c}}{{{title}}}" for title in titles]), rules]


def _body(table: Table, text: Callable[[Decimal], str]) -> list[str]:
    """Return lines of cells and rules: a student spans its rows, inside them each dimension and teacher theirs."""
    lines: list[str] = []
    blocks = [list(rows) for _, rows in groupby(table.rows, key=lambda row: row.teacher and row.student)]
    for block in blocks:
        if lines:
            lines.append(r"\midrule")
        for _, student_rows in groupby(block, key=lambda row: row.student):
            student_rows = list(student_rows)
            student = _span(student_rows[0].student, len(student_rows))
            for _, rows in groupby(student_rows, key=lambda row: (row.dimension, row.teacher)):
                rows = list(rows)
                if rows[0].teacher and not student:
                    lines.append(rf"\cmidrule(l){{2-{len(_headings(table)) + len(table.columns)}}}")
                group = [student, _span(str(rows[0].dimension), len(rows)), _span(rows[0].teacher, len(rows))]
                for row in rows:
                    lines.append(_line([*group, *_training(table, row), *_scores(table, row, text)]))
                    student, group = "", ["", "", ""]
    return lines


def _span(label: str, num_rows: int) -> str:
    """Return a cell over several rows; a label of more than LONGEST characters is broken, even inside a word."""
    if not label:
        return ""
    cell = _stack(wrap(label, LONGEST), "l")
    return rf"\multirow{{{num_rows}}}{{*}}{cell}" if num_rows > 1 else cell


def _training(table: Table, row: Row) -> list[str]:
    labels, *others = (ticked(row.trained(heading), r"\checkmark", DASH) for heading in table.kind.training)
    return [labels, _loss(row), *others]


def _loss(row: Row) -> str:
    """Return the loss's label, a plus at its end raised, and the number of its equation: Contr$^+$ (10)."""
    loss = row.trained_by
    label = escape(loss.label.removesuffix("+")) + ("$^+$" if loss.label.endswith("+") else "")
    return label if loss.equation is None else f"{label} ({loss.equation})"


def _scores(table: Table, row: Row, text: Callable[[Decimal], str]) -> list[str]:
    cells = []
    for column in table.columns:
        cell = shown(row.values[column], DASH, text)
        cell = rf"\textbf{{{cell}}}" if column in row.bold else cell
        cell += _deviation(row.deviations[column]) if table.has_deviations else ""
        cells.append(rf"{cell}\rlap{{$^\dagger$}}" if column in row.marked else cell)
    return cells


def _deviation(value: float | None) -> str:
    """Return a deviation in small print; a missing one leaves its room, so that scores are aligned."""
    small = rf"{{\tiny$\pm${shown(value, '0.0')}}}"
    return rf"\phantom{{{small}}}" if value is None else small


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
