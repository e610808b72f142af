"""Write what networks cost as a LaTeX table. Torch-free."""

import math
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from aml.complexity.costs import Cost
from aml.tables.latex import templates


def latex(costs: Iterable[Cost], note: str) -> str:
    """A float to \\input with a line for each network and two columns for each size; needs booktabs and graphicx.

    `costs` have each network's sizes one after the other; `note` opens the caption.
    """
    networks = [list(rows) for _, rows in groupby(costs, key=lambda cost: cost.key)]
    template = templates(Path(__file__).parent).get_template("complexity.tex")
    return template.render(note=note, networks=networks, first=networks[0][0], sizes=networks[0], three=three)


def three(value: float) -> str:
    """`value`, above 0, in print: three digits, or all those before the decimal point."""
    decimals = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:,.{decimals}f}"
