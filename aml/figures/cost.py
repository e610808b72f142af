"""What a network is worth for what it costs: mAP against parameters and against multiply-adds."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from aml.complexity.costs import Cost
from aml.figures.looks import (
    FAINT,
    NO_TEACHER,
    REFERENCE_LINE,
    TEACHER,
    Picture,
    entry,
    legend_below,
    look,
    loss_names,
    panels,
    sentences,
)
from aml.figures.results import PROTOCOLS, SCORE, Results
from aml.reports.settings import Teacher

SPREAD = 0.32  # of a panel's width, at most: over so much the losses of one network stand side by side
HEADROOM = 1.22  # of a panel's height, for two rows of names above the marks
CAPTION = (
    "Each column of marks is one student at its cost, the grey line; its losses, which cost the same, stand side by "
    "side. Stars and dashed lines: the teacher describing queries and database. Asymmetric: the teacher describes the "
    "database, so that only queries cost what the axis says."
)


@dataclass(frozen=True)
class CostAxis:
    """One kind of cost, by the key of a network without teacher: distilled ones cost the same."""

    file: str
    name: str
    label: str
    costs: dict[str, float]


def parameters_axis(costs: Iterable[Cost]) -> CostAxis:
    return _axis("parameters", "Parameters", {cost.key: cost.parameters for cost in costs})


def multiply_adds_axis(costs: Iterable[Cost]) -> CostAxis:
    """At the last of the sizes."""
    costs = list(costs)
    size = f"image of {costs[-1].width} × {costs[-1].height} pixels"
    return _axis("multiply-adds", f"Multiply-adds of an\n{size}", {cost.key: cost.multiply_adds for cost in costs})


def _axis(name: str, label: str, costs: dict[str, int]) -> CostAxis:
    unit, word = (1e9, "billions") if max(costs.values()) >= 1e9 else (1e6, "millions")
    file = f"map_{name.replace('-', '_')}"
    return CostAxis(file, name, f"{label} ({word})", {key: cost / unit for key, cost in costs.items()})


def cost_picture(results: Results, axis: CostAxis) -> Picture:
    """A row a teacher, a column a protocol; in each panel that teacher and every student at its dimension."""
    teachers = results.settings.teachers
    figure, axes = panels(len(teachers), len(PROTOCOLS), 2.0, sharex=True, sharey=True)
    low, high = min(axis.costs.values()), max(axis.costs.values())
    margin = max((high / low) ** 0.3, 1.5)
    axes[0, 0].set(xscale="log", xlim=(low / margin, high * margin))
    axes[0, 0].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[0, 0].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0, 0].xaxis.set_minor_locator(NullLocator())
    for row, teacher in zip(axes, teachers, strict=True):
        for panel, protocol in zip(row, PROTOCOLS, strict=True):
            _teacher(panel, results, teacher, axis)
            _students(panel, results, teacher, protocol, axis, width=high / low * margin**2)
            panel.set(title=f"{protocol}, by {teacher.label}")
        row[0].set_ylabel(SCORE)
    axes[0, 0].set_ylim(0, HEADROOM * axes[0, 0].get_ylim()[1])
    for panel in axes[-1]:
        panel.set_xlabel(axis.label)
    legend_below(figure, _legend(results), columns=3)
    caption = sentences(results.settings.note, f"{results.measure}, against {axis.name}.", CAPTION, results.note)
    return Picture(axis.file, f"Medium mAP against {axis.name}", caption, figure)


def _teacher(panel: Axes, results: Results, teacher: Teacher, axis: CostAxis) -> None:
    network = results.alone(teacher.key, teacher.dimension)
    value = results.mean_map(network, "symmetric")
    if value is not None:
        panel.axhline(value, **REFERENCE_LINE)
        panel.plot(axis.costs[network.key], value, **TEACHER)


def _students(panel: Axes, results: Results, teacher: Teacher, protocol: str, axis: CostAxis, *, width: float) -> None:
    """The teacher's students around their costs; `width` is the ratio of the panel's largest cost to its smallest."""
    students = results.settings.students
    networks = {s: [results.alone(s.key, teacher.dimension), *results.distilled(s, teacher)] for s in students}
    costs = {s: axis.costs[f"{s.key}-{teacher.dimension}"] for s in students}
    for row, student in enumerate(sorted(students, key=costs.get)):
        top = 0.99 if row % 2 else 0.90  # neighbours' names in two rows
        panel.axvline(costs[student], ymax=top - 0.09, color=FAINT, linewidth=0.6, zorder=0)
        corner = {"transform": panel.get_xaxis_transform(), "ha": "center", "va": "top"}
        panel.text(costs[student], top, student.label, fontsize="small", **corner)
    count = len(results.settings.losses) + 1
    step = _step(sorted(costs.values()), width, count)
    for place in range(count):
        values = {s: results.mean_map(networks[s][place], protocol) for s in students}
        marked = [s for s in students if values[s] is not None]
        shift = step ** (place - (count - 1) / 2)
        mark = look(place - 1) if place else NO_TEACHER
        panel.plot([costs[s] * shift for s in marked], [values[s] for s in marked], linestyle="none", **mark)


def _step(costs: list[float], width: float, count: int) -> float:
    """The ratio of the places of two marks of a student: of its `count`, none is nearer to the next student's cost."""
    gaps = [after / before for before, after in itertools.pairwise(costs) if after / before > 1.05]
    return min([width**SPREAD, *gaps]) ** (1 / count)


def _legend(results: Results) -> list[Line2D]:
    names = loss_names(results.settings.losses)
    losses = [entry(name, **look(number)) for number, name in enumerate(names.values())]
    alone = [entry("student without teacher", **NO_TEACHER)] if results.settings.dimensions else []
    return [entry("the teacher", **TEACHER), *alone, *losses]
