"""What the figures share: size, colours, markers, names of losses, the legend below, and the files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from aml.files.atomic import write_json
from aml.params.reports import Loss

STYLE = Path(__file__).with_name("figures.mplstyle")
OWN_FONT = "DejaVu Sans"  # comes with matplotlib: figures of Latin, Greek and Cyrillic are the same everywhere
WIDTH = 7.5  # inches, of every figure
# by Okabe and Ito, for colour-blind people too; teachers are black
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
FAINT = "#bbbbbb"
TEACHER = {"color": "#000000", "marker": "*", "markersize": 10, "markeredgecolor": "#ffffff", "markeredgewidth": 0.6}
REFERENCE_LINE = {"color": "#000000", "linestyle": (0, (4, 3)), "linewidth": 0.9, "zorder": 1}
CHANCE_LINE = {"color": "#666666", "linestyle": ":", "linewidth": 1.1, "zorder": 1}
NO_TEACHER = {"color": "#ffffff", "marker": "o", "markeredgecolor": "#000000", "markeredgewidth": 1.1}
PROTOCOL_STYLES = {
    "symmetric": {"color": "#0072b2", "marker": "s", "markersize": 5},
    "asymmetric": {"color": "#d55e00", "marker": "o", "markersize": 5.5},
}
MEMBERS = {"self": "self", "positive": "pos", "negatives": "neg", "neighbours": "nearest"}


@dataclass(frozen=True)
class Picture:
    """A figure with the stem of its files, its title and its caption."""

    file: str
    title: str
    caption: str
    figure: Figure
    part: str = ""  # label of the only test set that it shows, "" if it shows all


def use_style(words: str = "") -> str:
    """Set matplotlib up for these figures, whatever the user's own settings are. Returns those characters of `words`,
    the text of labels, that no installed font has: figures show boxes for them."""
    matplotlib.rc_file(STYLE)
    families, missing = [OWN_FONT], {character for character in words if character.isprintable() and character != " "}
    # plain ones first; Last Resort, which comes with matplotlib, has a box for every character
    fonts = [font for font in font_manager.fontManager.ttflist if not font.name.startswith("Last Resort")]
    for font in sorted(fonts, key=lambda f: (f.name != OWN_FONT, f.style != "normal", "Sans" not in f.name, f.name)):
        if not missing:
            break
        found = missing & {chr(code) for code in font_manager.get_font(font.fname).get_charmap()}
        if found and font.name not in families:
            families.append(font.name)
        missing -= found
    matplotlib.rcParams["font.family"] = families
    return "".join(sorted(missing))


def panels(rows: int, columns: int, height: float, **sharing):
    """Return a figure of WIDTH and its axes (rows, columns); `height` of a row in inches."""
    figure = Figure(figsize=(WIDTH, rows * height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **sharing)


def mark_style(number: int) -> dict:
    """Colour and marker for the `number`-th series, edged so that yellow shows on white; 77 differ from each other."""
    edge = {"markeredgecolor": "#333333", "markeredgewidth": 0.5}
    return {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)], **edge}


def loss_names(losses: Sequence[Loss]) -> dict[str, str]:
    """Return the label of each loss by its key, with the members of its tuples if losses share a label: Contr (self,
    pos)."""
    labels = [loss.label for loss in losses]

    def name(loss: Loss) -> str:
        return f"{loss.label} ({members_in_words(loss)})" if labels.count(loss.label) > 1 else loss.label

    return {loss.key: name(loss) for loss in losses}


def members_in_words(loss: Loss) -> str:
    return ", ".join(word for member, word in MEMBERS.items() if member in loss.members)


def entry(label: str, **line) -> Line2D:
    """Return an entry of a legend: a marker without a line, unless `line` sets one."""
    return Line2D([], [], label=label, **{"linestyle": "none", **line})


def legend_below(figure: Figure, entries: Iterable[Line2D], columns: int) -> None:
    """Put a legend under all panels, where it covers no data; the figure grows by its height."""
    entries = list(entries)
    rows = -(-len(entries) // columns)
    figure.set_figheight(figure.get_figheight() + 0.1 + 0.19 * rows)
    figure.legend(handles=entries, loc="outside lower center", ncols=columns)


def sentences(*parts: str) -> str:
    """Return the parts that are not empty, one after the other."""
    return " ".join(part for part in parts if part)


def write_picture(folder: Path, picture: Picture) -> None:
    """Write <file>.svg and <file>.png. Equal figures give equal bytes."""
    picture.figure.savefig(folder / f"{picture.file}.svg", metadata={"Date": None})
    picture.figure.savefig(folder / f"{picture.file}.png", metadata={"Software": None})


def write_pictures(folder: str | Path, pictures: Iterable[Picture]) -> None:
    """Write the files of each, and figures.json: file (the SVG), title, caption and part in the order given."""
    listed = []
    for picture in pictures:
        write_picture(Path(folder), picture)
        words = {"title": picture.title, "caption": picture.caption, "part": picture.part}
        listed.append({"file": f"{picture.file}.svg", **words})
    write_json(Path(folder) / "figures.json", listed)
