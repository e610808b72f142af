"""The figure of the ablation: Tables 5 and 6, a panel for each teacher-student pair."""

from matplotlib.axes import Axes

from aml.pages.figures import style
from aml.pages.figures.results import SCORE, Results
from aml.params.reports import Network
from aml.tables.model import ABLATION

COLUMNS = 2
CAPTION = (
    "Under its name is what a loss compares an anchor with: the anchor itself (self), positives (pos), negatives "
    "(neg). Dashed: the teacher describing queries and database."
)


def ablation_picture(results: Results) -> style.Picture | None:
    """None unless two or more losses of the ablation are in the grid."""
    losses = {loss.key: loss for loss in results.settings.losses}
    rows = [losses[key] for key in ABLATION if key in losses]
    if len(rows) < 2:
        return None
    pairs = results.pairs()
    columns = min(COLUMNS, len(pairs))
    figure, axes = style.panels(-(-len(pairs) // columns), columns, 0.6 + 0.36 * len(rows), sharex=True, sharey=True)
    positions = {loss.key: position for position, loss in enumerate(rows)}
    for number, (student, teacher) in enumerate(pairs):
        panel = axes.flat[number]
        networks = [n for n in results.distilled(student, teacher) if n.loss.key in positions]
        _pair(panel, results, networks, positions)
        value = results.mean_map(results.without_teacher(teacher.key, teacher.dimension), "symmetric")
        if value is not None:
            panel.axvline(value, **style.REFERENCE_LINE)
        panel.set(title=f"{student.label} by {teacher.label}")
        if number + columns >= len(pairs):  # nothing below it
            panel.set_xlabel(SCORE)
            panel.tick_params(labelbottom=True)
    axes[0, 0].set_yticks(list(positions.values()), [f"{loss.label}\n{style.members_in_words(loss)}" for loss in rows])
    axes[0, 0].set(ylim=(len(rows) - 0.5, -0.5))
    axes[0, 0].set_xlim(left=0)
    for row in axes[:, 0]:
        row.set_ylabel("Loss")
    for panel in axes.flat[len(pairs) :]:
        panel.remove()
    entries = [style.entry(f"{protocol} testing", **mark) for protocol, mark in style.PROTOCOL_STYLES.items()]
    style.legend_below(figure, [*entries, style.entry("the teacher", **style.REFERENCE_LINE)], columns=3)
    caption = style.sentences(results.settings.note, f"{results.measure}.", CAPTION, results.note)
    return style.Picture("ablation", "The anchor itself, positives, negatives", caption, figure)


def _pair(panel: Axes, results: Results, networks: list[Network], positions: dict[str, int]) -> None:
    """Draw a pair: for each loss a mark for each protocol, and a line between them."""
    scores = {
        protocol: [results.mean_map(network, protocol) for network in networks] for protocol in style.PROTOCOL_STYLES
    }
    rows = [positions[network.loss.key] for network in networks]
    for row, symmetric, asymmetric in zip(rows, *scores.values(), strict=True):
        if symmetric is not None and asymmetric is not None:
            panel.plot([symmetric, asymmetric], [row, row], color=style.FAINT, zorder=1)
    for protocol, values in scores.items():
        marks = {row: value for row, value in zip(rows, values, strict=True) if value is not None}
        panel.plot(list(marks.values()), list(marks), linestyle="none", **style.PROTOCOL_STYLES[protocol])
