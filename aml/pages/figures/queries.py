"""The figure of single queries: average precision of the student against the teacher's."""

import numpy as np
from matplotlib.axes import Axes

from aml.pages.figures.results import LEVEL, PROTOCOLS
from aml.pages.figures.style import FAINT, Picture, entry, legend_below, panels, sentences
from aml.params.reports import Named

SIGNS = {  # by the sign of the student's AP minus the teacher's
    "better": {"color": "#0072b2", "marker": "^"},
    "worse": {"color": "#d55e00", "marker": "v"},
    "equal": {"color": "#999999", "marker": "o"},
}
MARK = {"markersize": 4.5, "markeredgecolor": "white", "markeredgewidth": 0.4}


def queries_picture(cell: str, student: dict, teacher: dict, test_sets: tuple[Named, ...], note: str) -> Picture:
    """Draw a row for each test set and a column for each protocol. cell: a name for the caption; student, teacher:
    what `read_average_precisions` returns."""
    figure, axes = panels(len(test_sets), len(PROTOCOLS), 3.0, sharex=True, sharey=True)
    for row, test_set in zip(axes, test_sets, strict=True):
        for panel, protocol in zip(row, PROTOCOLS, strict=True):
            theirs, ours = (
                teacher.get(("symmetric", test_set.key, LEVEL), {}),
                student.get((protocol, test_set.key, LEVEL), {}),
            )
            counts = _queries(panel, theirs, ours)
            numbers = ", ".join(f"{count} {sign}" for sign, count in counts.items() if count or sign != "equal")
            panel.set(title=f"{test_set.label}, {protocol}\n{numbers}", xlim=(-3, 103), ylim=(-3, 103), aspect="equal")
            panel.set(xticks=range(0, 101, 25), yticks=range(0, 101, 25))
            panel.set(xlabel="Teacher's AP (%)", ylabel="Student's AP (%)")
            panel.label_outer()
    legend_below(figure, [entry(f"student {sign}", **style, **MARK) for sign, style in SIGNS.items()], columns=3)
    caption = sentences(
        note,
        f"Average precision (Medium) of each query: {cell}, against its teacher describing queries and database. Above "
        "the diagonal the student ranks better. Asymmetric: the teacher describes the student's database.",
    )
    return Picture("per_query", "Query by query, student against teacher", caption, figure)


def _queries(panel: Axes, teacher: dict[str, float], student: dict[str, float]) -> dict[str, int]:
    """Draw a mark for each query that both have; the number of queries by sign."""
    panel.plot([0, 100], [0, 100], color=FAINT, linewidth=0.8, zorder=0)
    names = [name for name in teacher if name in student]
    x, y = (np.array([side[name] for name in names], float) for side in (teacher, student))
    chosen = {"better": y > x, "worse": y < x, "equal": y == x}
    for sign, rows in chosen.items():
        panel.plot(x[rows], y[rows], linestyle="none", **SIGNS[sign], **MARK)
    return {sign: int(rows.sum()) for sign, rows in chosen.items()}
