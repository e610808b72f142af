"""The figure of cost: mAP of each network, in columns by rising cost."""

import math
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from aml.complexity.costs import Cost
from aml.pages.figures import style
from aml.pages.figures.results import PROTOCOLS, SCORE, Results
from aml.params.grid import key_of
from aml.params.reports import Teacher

FILLED = 0.86  # of a column's width, by its marks
CAPTION = (
    "A column is a network, the cheapest on the left, not to scale. Its marks are its losses, which all have the cost "
    "given below, wherever they are in the column. Star and dashed line: the teacher describing queries and database. "
    "Asymmetric: the teacher describes the database, so that only queries have the cost given below. "
    "Dotted: chance, what a random ranking gives."
)


def cost_picture(results: Results, costs: Iterable[Cost]) -> style.Picture:
    """Draw a row for each teacher and a column for each protocol; a panel shows that teacher and every student at its
    dimension.

    Costs are those of the last image size. A distilled network costs the same as one without teacher.
    """
    by_key = {cost.key: cost for cost in costs}
    teachers = results.settings.teachers
    figure, axes = style.panels(len(teachers), len(PROTOCOLS), 2.7, sharex="row", sharey=True)
    for row, teacher in zip(axes, teachers, strict=True):
        for panel, protocol in zip(row, PROTOCOLS, strict=True):
            _columns(panel, results, teacher, protocol, by_key)
            panel.set(title=f"{protocol}, by {teacher.label}")
        row[0].set_ylabel(SCORE)
    axes[0, 0].set_ylim(bottom=0)
    for panel in axes[-1]:
        panel.set_xlabel("Network, its parameters and multiply-adds")
    style.legend_below(figure, _legend(results), columns=4)
    last = list(by_key.values())[-1]  # all networks have the same sizes
    size = f"multiply-adds of an image of {last.width} × {last.height} pixels."
    caption = style.sentences(
        results.settings.note, f"{results.measure}, and what it costs: parameters, and {size}", CAPTION, results.note
    )
    return style.Picture("map_cost", "Medium mAP and what it costs", caption, figure)


def _columns(panel: Axes, results: Results, teacher: Teacher, protocol: str, costs: dict[str, Cost]) -> None:
    """Draw the teacher and its students, in columns by rising cost."""
    students = {key_of(student.key, teacher.dimension): student for student in results.settings.students}
    networks = [*([] if teacher.vectors else [teacher.key]), *students]
    ordered = sorted(networks, key=lambda key: costs[key].multiply_adds)
    panel.axhline(results.chance(), **style.CHANCE_LINE)
    its_own = results.mean_map(results.networks[teacher.key], "symmetric")
    panel.axhline(its_own, **style.REFERENCE_LINE)
    if not teacher.vectors:  # which cost nothing that is known
        panel.plot(ordered.index(teacher.key), its_own, **style.TEACHER)
    for key, student in students.items():
        networks = [results.networks.get(key), *results.distilled(student, teacher)]
        for number, network in enumerate(networks):
            value = results.mean_map(network, protocol)
            if not math.isnan(value):  # a student without teacher is not tested asymmetrically
                mark = style.mark_style(number - 1) if number else style.NO_TEACHER
                x = ordered.index(key) + FILLED * ((number + 0.5) / len(networks) - 0.5)
                panel.plot(x, value, linestyle="none", **mark)
    for border in range(1, len(ordered)):
        panel.axvline(border - 0.5, color=style.FAINT, linewidth=0.6, zorder=0)
    panel.grid(visible=False, axis="x")
    panel.set(xlim=(-0.5, len(ordered) - 0.5))
    panel.set_xticks(range(len(ordered)), [_label(costs[key]) for key in ordered])
    panel.tick_params(axis="x", length=0)


def _label(cost: Cost) -> str:
    """Return three lines: a network's name, its parameters and its multiply-adds."""
    return f"{cost.label}\n{_amount(cost.parameters)}\n{_amount(cost.multiply_adds)}"


def _amount(number: int) -> str:
    """Return a number by three digits: 0.714 M, 79.6 G."""
    unit, letter = (1e9, "G") if number >= 1e9 else (1e6, "M")
    return f"{number / unit:.3g} {letter}"


def _legend(results: Results) -> list[Line2D]:
    names = style.loss_names(results.settings.losses)
    losses = [style.entry(name, **style.mark_style(number)) for number, name in enumerate(names.values())]
    untaught = [style.entry("student without teacher", **style.NO_TEACHER)] if results.settings.dimensions else []
    chance = style.entry("chance", **style.CHANCE_LINE)
    return [style.entry("the teacher", **style.TEACHER), *untaught, *losses, chance]
