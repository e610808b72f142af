"""The figure of distractors: mAP of each network without and with them, by loss."""

import itertools
import math

from matplotlib.axes import Axes

from aml.pages.figures import style
from aml.pages.figures.results import PROTOCOLS, SCORE, Results
from aml.params.reports import Named, Teacher

PITCH = 0.13  # inches between two pairs of a loss
CAPTION = (
    "Each line goes from the score without distractors, the coloured mark, to the one with them, the white mark: its "
    "length is what they cost. A loss at chance has nothing to lose. Dotted: chance without distractors."
)


def distractors_picture(results: Results) -> style.Picture | None:
    """Draw a column for each protocol, a row for each loss, and in it a line for each pair. Returns None without
    distractors."""
    losses, pairs = style.loss_names(results.settings.losses), results.pairs()
    ends = {protocol: [_ends(results, pair, protocol) for pair in pairs] for protocol in PROTOCOLS}
    if not any(itertools.chain(*ends.values())):
        return None
    pitch = 1 / (len(pairs) + 1)  # distance of two pairs, in heights of a loss's row
    figure, axes = style.panels(
        1, len(PROTOCOLS), 0.7 + PITCH * (len(pairs) + 1) * len(losses), sharex=True, sharey=True
    )
    (row,) = axes
    for panel, protocol in zip(row, PROTOCOLS, strict=True):
        for number, of_pair in enumerate(ends[protocol]):
            _pair(panel, of_pair, style.mark_style(number), (number - (len(pairs) - 1) / 2) * pitch)
        panel.set(title=f"{protocol} testing", xlabel=SCORE)
        panel.axvline(results.chance(), **style.CHANCE_LINE)
        for border in range(1, len(losses)):
            panel.axhline(border - 0.5, color=style.FAINT, linewidth=0.6, zorder=0)
        panel.grid(visible=False, axis="y")
    row[0].set(ylim=(len(losses) - 0.5, -0.5), ylabel="Loss")
    row[0].set_yticks(range(len(losses)), [name.replace(" (", "\n(") for name in losses.values()])
    row[0].set_xlim(left=0)
    labels = [f"{student.label} by {teacher.label}" for student, teacher in pairs]
    entries = [style.entry(label, **style.mark_style(number)) for number, label in enumerate(labels)]
    entries += [style.entry("with distractors", **style.NO_TEACHER)]
    style.legend_below(figure, entries, columns=3)
    first = f"{results.measure}, without and with {results.settings.distractors.label} distractors."
    caption = style.sentences(results.settings.note, first, CAPTION, results.note)
    return style.Picture("distractors", "What distractors cost", caption, figure)


def _ends(results: Results, pair: tuple[Named, Teacher], protocol: str) -> dict[int, tuple[float, float]]:
    """Return the scores without and with distractors of those networks of a pair that have both, by the number of
    the loss."""
    found = {}
    for number, network in enumerate(results.distilled(*pair)):
        ends = tuple(results.mean_map(network, protocol, with_distractors=flag) for flag in (False, True))
        if not any(map(math.isnan, ends)):
            found[number] = ends
    return found


def _pair(panel: Axes, ends: dict[int, tuple[float, float]], mark: dict, shift: float) -> None:
    """Draw a pair's lines and their two ends, `shift` below the middle of each loss's row."""
    rows = [number + shift for number in ends]
    without, with_them = ([pair[end] for pair in ends.values()] for end in (0, 1))
    panel.hlines(rows, with_them, without, color=mark["color"], linewidth=1, zorder=1)
    hollow = mark | {"color": "white", "markeredgecolor": mark["color"], "markersize": 3.5}
    panel.plot(with_them, rows, linestyle="none", **hollow)
    panel.plot(without, rows, linestyle="none", **mark, markersize=4)
