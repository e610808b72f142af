"""The study of equal budgets: which part of the order of losses comes from the loss, and which from its number of
images?

In the authors' code, and in params.yaml, losses without labels have more anchors an epoch than those with labels. Here
each loss of LOSSES trains the pair under study twice. At equal steps each loss has the same number of anchors, and so
of batches. At equal images each has the same number of images in its tuples: anchor, positive and negatives with
labels, the anchor alone without. In both only the anchor passes through the student, so that equal steps are also equal
images of the student. A neighbour of csd or d3still is a row of the teacher's descriptors and is not counted.
"""

from collections import namedtuple
from pathlib import Path

import numpy as np
from tabulate import tabulate

from aml.pages.figures import style
from aml.pages.figures.results import LEVEL, METRIC, PROTOCOLS, SCORE, Results
from aml.params.networks import network_settings
from aml.params.reading import PARAMETERS, read_parameters, setting
from aml.params.reports import BootstrapSettings
from aml.tables.bootstrap import draw, percentile_interval, read_scores
from aml.tables.csv_files import write_lines
from aml.tables.model import tenths
from aml.tables.records import read_records
from aml.tables.settings import table_settings

LOSSES = ("reg", "contr_plus", "contr", "triplet", "ms", "csd", "d3still")
BUDGETS = {"steps": "equal steps", "images": "equal images"}  # a run each
MARKS = {"steps": {"color": "#009e73", "marker": "s"}, "images": {"color": "#cc79a7", "marker": "o"}}
BARS = {"linewidth": 1, "capsize": 2}
OFFSET = 0.15  # rows, between a loss's mark and the middle of its row


# A line of budget.csv: anchors an epoch; Medium mAP of a loss, mean over test sets and seeds; less reg's by the same
# budget; less its own at equal steps. Percent and points, with intervals.
DIFFERENCES = "less_reg less_reg_low less_reg_high less_steps less_steps_low less_steps_high"
Line = namedtuple("Line", f"budget protocol loss anchors mAP low high {DIFFERENCES}")


def runs(values: dict) -> dict[str, dict[str, object]]:
    """Return the parameters of both runs, by budget. The losses with labels keep the anchors of contr_plus."""
    grid, losses = values["grid"], values["losses"]
    dimension = network_settings(values, values["teacher"]).dimension
    common = {"grid.students": [values["student"]], "grid.dimensions": [dimension], "grid.losses": list(LOSSES)}
    for kind in (kind for kind in grid if kind.endswith("teachers")):
        common[f"grid.{kind}"] = [name for name in grid[kind] if name == values["teacher"]]
    members = {name: 2 + losses[name]["num_negatives"] if losses[name]["mining"] == "hard" else 1 for name in LOSSES}
    anchors = losses["contr_plus"]["images_per_epoch"]
    images = anchors * members["contr_plus"]
    by_budget = {"steps": dict.fromkeys(LOSSES, anchors), "images": {name: images // members[name] for name in LOSSES}}
    return {
        budget: common | {f"losses.{name}.images_per_epoch": number for name, number in of_budget.items()}
        for budget, of_budget in by_budget.items()
    }


class Run:
    """A run's results. `scores`: by protocol and loss the Medium mAP of the pair, mean over test sets and seeds: the
    number itself, then that of each draw."""

    def __init__(self, clone: Path):
        values = read_parameters(clone / PARAMETERS)
        settings = table_settings(values)
        self.anchors = {loss.key: values["losses"][loss.key]["images_per_epoch"] for loss in settings.losses}
        self.bootstrap = setting(values, "bootstrap", BootstrapSettings)
        records = read_records(clone / "reports/metrics", settings.networks())
        self.results = Results(settings, records)
        draws = draw(read_scores(clone / "data/queries", records, settings), self.bootstrap)
        self.scores = {}
        for network in settings.of_pairs(settings.losses):
            for protocol in PROTOCOLS:
                places = [(network.key, protocol, test_set.key, LEVEL, METRIC) for test_set in settings.test_sets]
                drawn = np.mean([draws[place] for place in places], axis=0)
                self.scores[protocol, network.loss.key] = np.append(self.results.mean_map(network, protocol), drawn)

    def with_interval(self, values: np.ndarray) -> tuple[float, float, float]:
        """Return a score or difference with the ends of its interval, to two decimals."""
        ends = percentile_interval(values[None, 1:], self.bootstrap.confidence).ravel()
        return tuple(round(float(value), 2) + 0.0 for value in (values[0], *ends))  # + 0.0: no -0.0


def compare(by_budget: dict[str, Run]) -> list[Line]:
    """Return the lines of budget.csv. Both runs draw the same landmarks and seeds, so differences are paired."""
    return [
        Line(
            budget,
            protocol,
            loss,
            of_budget.anchors[loss],
            *of_budget.with_interval(scores),
            *of_budget.with_interval(scores - of_budget.scores[protocol, "reg"]),
            *of_budget.with_interval(scores - by_budget["steps"].scores[protocol, loss]),
        )
        for budget, of_budget in by_budget.items()
        for (protocol, loss), scores in sorted(of_budget.scores.items(), key=lambda item: item[0][0])
    ]


def keep(clones: dict[str, Path], folder: Path) -> str:
    """Write budget.csv and the figure, budget.svg and .png; return a table of the scores and the figure in Markdown."""
    by_budget = {budget: Run(clone) for budget, clone in clones.items()}
    lines = compare(by_budget)
    write_lines(folder / "budget.csv", Line._fields, lines)
    style.use_style()
    shown = picture(by_budget, lines)
    style.write_picture(folder, shown)
    return f"{as_table(lines)}\n\n![{shown.title}]({shown.file}.png)\n\n{shown.caption}"


def picture(by_budget: dict[str, Run], lines: list[Line]) -> style.Picture:
    """Draw a panel for each protocol, a row for each loss, in it a mark with its interval for each budget."""
    results, positions = by_budget["steps"].results, {name: row for row, name in enumerate(LOSSES)}
    settings = results.settings
    figure, axes = style.panels(1, len(PROTOCOLS), 0.6 + 0.36 * len(LOSSES), sharey=True)
    (student,), (teacher,) = settings.students, settings.teachers
    reference = results.mean_map(results.networks[teacher.key], "symmetric")
    for panel, protocol in zip(axes.flat, PROTOCOLS, strict=True):
        for line in (line for line in lines if line.protocol == protocol):
            row = positions[line.loss] + OFFSET * (1 if line.budget == "images" else -1)
            bar = [[line.mAP - line.low], [line.high - line.mAP]]
            panel.errorbar(line.mAP, row, xerr=bar, linestyle="none", markersize=5, **MARKS[line.budget], **BARS)
        panel.axvline(reference, **style.REFERENCE_LINE)
        panel.axvline(results.chance(), **style.CHANCE_LINE)
        panel.set(title=f"{protocol} testing", xlabel=SCORE, xlim=(0, None))
    axes[0, 0].set_yticks(list(positions.values()), [style.loss_names(settings.losses)[name] for name in positions])
    axes[0, 0].set(ylim=(len(positions) - 0.5, -0.5), ylabel="Loss")
    entries = [style.entry(words, **MARKS[budget]) for budget, words in BUDGETS.items()]
    entries += [style.entry("the teacher", **style.REFERENCE_LINE), style.entry("chance", **style.CHANCE_LINE)]
    style.legend_below(figure, entries, columns=4)
    bootstrap, seeds = by_budget["steps"].bootstrap, " and seeds" if settings.several_seeds else ""
    anchors = {budget: of_budget.anchors for budget, of_budget in by_budget.items()}
    caption = style.sentences(
        settings.note,
        f"{student.label} by {teacher.label}. {results.measure}.",
        f"Equal steps: {anchors['steps']['reg']:,} anchors an epoch by each loss.",
        f"Equal images: {anchors['images']['contr_plus']:,} by a loss with labels, {anchors['images']['reg']:,} by one "
        "without.",
        f"Bars: the {bootstrap.confidence:g} % interval over landmarks{seeds}.",
    )
    return style.Picture("budget", "Losses by equal budgets", caption, figure)


def as_table(lines: list[Line]) -> str:
    """Return the scores with their intervals in Markdown, a row for each loss."""
    found = {(line.protocol, line.budget, line.loss): line for line in lines}
    columns = [(protocol, budget) for protocol in PROTOCOLS[::-1] for budget in BUDGETS]
    rows = []
    for loss in LOSSES:
        shown = [found[*column, loss] for column in columns]
        anchors = " / ".join(f"{line.anchors:,}" for line in shown[: len(BUDGETS)])
        rows.append((loss, anchors, *(in_print(line.mAP, line.low, line.high) for line in shown)))
    header = ("loss", "anchors", *(f"{protocol}, {BUDGETS[budget]}" for protocol, budget in columns))
    return tabulate(rows, header, "pipe", disable_numparse=True)


def in_print(value: float, low: float, high: float) -> str:
    value, low, high = (tenths(number) + 0 for number in (value, low, high))  # + 0: no -0.0
    return f"{value} [{low}, {high}]"
