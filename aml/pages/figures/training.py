"""The figure of a training: loss and retrieval by epoch."""

import csv
from pathlib import Path

from matplotlib.ticker import MaxNLocator

from aml.pages.figures.style import REFERENCE_LINE, Picture, entry, legend_below, panels, sentences

LINES = {  # by the name in the training log: panel, label, style
    "train_loss": (0, "training", {"color": "#0072b2", "marker": "o"}),
    "validation_loss": (0, "validation", {"color": "#d55e00", "marker": "s"}),
    "symmetric_recall": (1, "symmetric", {"color": "#009e73", "marker": "^"}),
    "asymmetric_recall": (1, "asymmetric", {"color": "#cc79a7", "marker": "D"}),
}
MOST_MARKS = 20  # on a line: a mark for each of many epochs would look like a band


def read_curves(folder: str | Path) -> dict[str, list[float]]:
    """Read the curves that `LINES` names from the folder curves/ of a model: the values of the epochs by name."""
    curves = {}
    for name in LINES:
        with open(Path(folder) / "plots" / "metrics" / f"{name}.tsv", newline="", encoding="utf-8") as file:
            curves[name] = [float(row[name]) for row in csv.DictReader(file, delimiter="\t")]
    return curves


def training_picture(cell: str, curves: dict[str, list[float]], note: str) -> Picture:
    """Draw the loss beside retrieval on the validation split; `cell` names the network in the caption."""
    figure, (axes,) = panels(1, 2, 2.7)
    epochs = range(1, 1 + len(curves["validation_loss"]))
    marks = {"markersize": 3.5, "linewidth": 1.2, "markevery": -(-len(epochs) // MOST_MARKS)}
    for name, (number, _, style) in LINES.items():
        axes[number].plot(epochs, curves[name], **style, **marks)
    kept = min(epochs, key=lambda epoch: curves["validation_loss"][epoch - 1])
    for panel, title, label in zip(
        axes, ("loss", "retrieval"), ("Mean loss of a tuple", "Recall at 1 (%)"), strict=True
    ):
        panel.axvline(kept, **REFERENCE_LINE)
        panel.set(title=title, xlabel="Epoch", ylabel=label)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    entries = [entry(label, **style, linestyle="-") for _, label, style in LINES.values()]
    legend_below(figure, [*entries, entry("epoch kept", **REFERENCE_LINE)], columns=5)
    caption = sentences(
        note,
        f"Training of {cell}: left, the loss of training and validation; right, recall at 1, how often the most "
        "similar other validation image shows the same landmark, all described by the student (symmetric) or queries "
        f"by the student and the rest by its teacher (asymmetric). Kept: the lowest validation loss, epoch {kept}.",
    )
    return Picture("training_curves", "Training, epoch by epoch", caption, figure)
