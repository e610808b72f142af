"""The costs of networks as a CSV file and as a LaTeX table. Torch-free."""

import csv
import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from aml.tables.latex import templates


@dataclass(frozen=True)
class Cost:
    """One network at one image size. All students of one backbone and dimension cost the same, whatever their loss."""

    key: str  # <teacher>, or <student>-<dimension>
    label: str
    dimension: int  # of its descriptors
    parameters: int
    height: int  # of the image, pixels
    width: int
    multiply_adds: int  # of one image
    latency_ms: float  # of one image, measured: another run measures another number
    repeats: int  # timed passes, of which latency_ms is the median
    device: str
    threads: int  # of the CPU


def write_csv(path: str | Path, costs: Iterable[Cost]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(Cost)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(dataclasses.asdict(cost) for cost in costs)


def read_csv(path: str | Path) -> list[Cost]:
    """Read what `write_csv` wrote."""
    kinds = {field.name: field.type for field in dataclasses.fields(Cost)}
    with open(path, newline="", encoding="utf-8") as file:
        return [Cost(**{name: kinds[name](value) for name, value in row.items()}) for row in csv.DictReader(file)]


def latex(costs: Iterable[Cost], note: str) -> str:
    """Return a LaTeX float with a line for each network and two columns for each size; it needs booktabs, graphicx.

    `costs` have each network's sizes one after the other; `note` opens the caption.
    """
    networks = [list(rows) for _, rows in groupby(costs, key=lambda cost: cost.key)]
    template = templates(Path(__file__).parent).get_template("complexity.tex")
    return template.render(note=note, networks=networks, first=networks[0][0], sizes=networks[0], three=three)


def three(value: float) -> str:
    """Return `value`, above 0, in print: with three digits, or with all digits before the decimal point."""
    decimals = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:,.{decimals}f}"
