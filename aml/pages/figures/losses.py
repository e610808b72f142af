"""The figure of losses: one panel for each teacher-student pair, with the mAP of Tables 5 to 8."""

from matplotlib.axes import Axes

from aml.pages.figures import style
from aml.pages.figures.results import SCORE, Results
from aml.params.reports import Network
from aml.tables.model import ABLATION

COLUMNS = 2
CAPTION = (
    "Under its name is what a loss compares an anchor with: the anchor itself (self), positives (pos), negatives "
    "(neg). Dashed: the teacher describing queries and database. Dotted: chance, what a random ranking gives."
)
NEAREST = "Nearest: the images nearest to it in the teacher's space."
SEEDS = "Bars: the standard deviation over seeds, to both sides."


def losses_picture(results: Results) -> style.Picture | None:
    """Draw a panel for each pair. The ablation's losses come first, in its order. Returns None without a distilled
    student."""
    pairs = results.pairs()
    losses = {loss.key: loss for loss in results.settings.losses}
    rows = [losses[key] for key in dict.fromkeys((*ABLATION, *losses)) if key in losses]
    if not rows or not pairs:
        return None
    columns = min(COLUMNS, len(pairs))
    figure, axes = style.panels(-(-len(pairs) // columns), columns, 0.6 + 0.36 * len(rows), sharex=True, sharey=True)
    positions = {loss.key: position for position, loss in enumerate(rows)}
    for number, (student, teacher) in enumerate(pairs):
        panel = axes.flat[number]
        _pair(panel, results, results.distilled(student, teacher), positions)
        its_own = results.mean_map(results.networks[teacher.key], "symmetric")
        panel.axvline(its_own, **style.REFERENCE_LINE)
        panel.axvline(results.chance(), **style.CHANCE_LINE)
        panel.set(title=f"{student.label} by {teacher.label}")
        if number + columns >= len(pairs):  # nothing below it
            panel.set_xlabel(SCORE)
            panel.tick_params(labelbottom=True)
    labels = [f"{loss.label}\n{style.members_in_words(loss)}".strip() for loss in rows]
    axes[0, 0].set_yticks(list(positions.values()), labels)
    axes[0, 0].set(ylim=(len(rows) - 0.5, -0.5))
    axes[0, 0].set_xlim(left=0)
    for row in axes[:, 0]:
        row.set_ylabel("Loss")
    for panel in axes.flat[len(pairs) :]:
        panel.remove()
    entries = [style.entry(f"{protocol} testing", **mark) for protocol, mark in style.PROTOCOL_STYLES.items()]
    entries += [style.entry("the teacher", **style.REFERENCE_LINE), style.entry("chance", **style.CHANCE_LINE)]
    style.legend_below(figure, entries, columns=4)
    bars = SEEDS if results.settings.several_seeds else ""
    nearest = NEAREST if any("neighbours" in loss.members for loss in rows) else ""
    caption = style.sentences(results.settings.note, f"{results.measure}.", CAPTION, nearest, bars, results.note)
    return style.Picture("losses", "Losses, pair by pair", caption, figure)


def _pair(panel: Axes, results: Results, networks: list[Network], positions: dict[str, int]) -> None:
    """Draw a pair: for each loss a mark for each protocol, its deviation over seeds, and a line between them."""
    scores = {
        protocol: [results.mean_map(network, protocol) for network in networks] for protocol in style.PROTOCOL_STYLES
    }
    rows = [positions[network.loss.key] for network in networks]
    for row, *ends in zip(rows, *scores.values(), strict=True):
        panel.plot(ends, [row, row], color=style.FAINT, zorder=1)
    for protocol, mark in style.PROTOCOL_STYLES.items():
        for row, network, value in zip(rows, networks, scores[protocol], strict=True):
            panel.plot(value, row, linestyle="none", **mark)
            panel.errorbar(value, row, xerr=results.deviation(network, protocol), color=mark["color"], fmt="none")
