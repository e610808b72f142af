"""The supplement's claims, and one on losses beyond the paper, checked on any tables. printed/claims.csv lists them.

A claim consists of comparisons of two scores (orderings.py). Strictly, a pair of student and teacher keeps it if each
comparison holds in each column; ties count for "best", "second" and "worst", not for the other words.

Beyond noise, a comparison is judged by the mean of its difference over test sets and levels. The claim holds in a pair
if the interval of each comparison is above 0, fails if one interval is below 0, and otherwise can't be told.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from aml.files.atomic import replacing
from aml.tables import orderings
from aml.tables.bootstrap import Draws, percentile_interval
from aml.tables.csv_files import write_lines
from aml.tables.model import ABLATION, Table
from aml.tables.orderings import BY_LABELS, EXCEPTION, Comparison, Ordering, Scores, best, in_order

LINES = (Path(__file__).with_name("printed") / "claims.csv").read_text(encoding="utf-8").splitlines()
CLAIMS = {line["claim"]: line for line in csv.DictReader(LINES)}  # what it says of the tables, and what that means
ORDERINGS: dict[str, Ordering] = {
    "a1": in_order(*(("contr_pos", other) for other in ABLATION if other != "contr_pos"), number=5, ties=True),
    "a2": in_order(("contr_pos", "contr_pos_self"), number=5),
    "a3": in_order(("contr_pos", "contr"), number=5),
    "b": best("contr_plus", numbers=(5,), exception=EXCEPTION),
    "c1": best("reg", numbers=(6, 8)),
    "c2": best("contr_plus", numbers=(6, 8), spared=("reg",)),
    "c3": in_order(("contr", "contr_plus"), ("contr_pos", "contr_pos_self"), number=6),
    "d1": best("reg", numbers=(6, 8), metric="mP@10"),
    "d2": best("contr_plus", numbers=(6, 8), metric="mP@10", spared=("reg",)),
    "e": orderings.falls_with_distractors,
    "f": orderings.beats_its_teacher(("contr_plus",), number=7),
    "g": orderings.gap_grows,
    "h": orderings.near_chance,
    "i": best(*BY_LABELS, numbers=(9,)),
    "j": orderings.beats_its_teacher(BY_LABELS, number=9, metrics=("mAP",)),
    "k1": best("reg", numbers=(10,)),
    "k2": best("contr_plus", numbers=(10,), spared=("reg",)),
    "l": orderings.precision_follows,
    "m": orderings.far_above_chance,
}
COUNTS = ("holding", "total", "left_out", "failing")  # of pairs, strictly; failing by name
VERDICTS = ("holds", "fails", "cannot_be_told")  # beyond noise; pairs by name
CLAIM_COLUMNS = (
    *("claim", "sentence", *(f"ours_{count}" for count in COUNTS), *VERDICTS),
    *(f"printed_{count}" for count in COUNTS),
)


def write_claims(path: Path, tables: list[Table], printed: list[Table], draws: Draws, *, confidence: float) -> None:
    """Write how many pairs of `tables` and of the printed tables keep each claim, and which don't, as CSV."""
    here, on_printed = check_claims(tables, draws, confidence=confidence), check_claims(printed)
    if not any(table.number == 12 for table in tables):
        del here["m"]  # it says nothing of a grid without losses beyond the paper
    lines = []
    for claim, report in here.items():
        cells = [*(report[name] for name in COUNTS + VERDICTS), *(on_printed[claim][name] for name in COUNTS)]
        texts = ["; ".join(cell) if isinstance(cell, list) else cell for cell in cells]
        lines.append([claim, CLAIMS[claim]["sentence"], *texts])
    with replacing(path) as temporary:
        write_lines(temporary, CLAIM_COLUMNS, lines)


def check_claims(tables: Iterable[Table], draws: Draws | None = None, *, confidence: float = 95) -> dict[str, dict]:
    """Check each claim and return its COUNTS and VERDICTS by name.

    left_out: pairs that lack a score; all others are in total. Without draws no pair has a verdict.
    """
    scores = Scores(tables, draws or {})
    return {name: _report(found(scores), scores.num_draws, confidence) for name, found in ORDERINGS.items()}


def _report(comparisons: Iterable[Comparison], num_draws: int, confidence: float) -> dict:
    by_pair: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        by_pair.setdefault(comparison.pair, []).append(comparison)
    checked = {pair: of_pair for pair, of_pair in by_pair.items() if all(c.known for c in of_pair)}
    failing = [pair for pair, of_pair in checked.items() if not all(c.holds.all() for c in of_pair)]
    verdicts = {pair: _verdict(of_pair, confidence) for pair, of_pair in checked.items()} if num_draws else {}
    return {
        "holding": len(checked) - len(failing),
        "total": len(checked),
        "left_out": len(by_pair) - len(checked),
        "failing": failing,
        **{verdict: [pair for pair, found in verdicts.items() if found == verdict] for verdict in VERDICTS},
    }


def _verdict(comparisons: list[Comparison], confidence: float) -> str:
    """Return which of VERDICTS a pair gets from its comparisons; "cannot_be_told" if a network was not drawn."""
    differences = [np.mean((c.high - c.low)[:, 1:], axis=0) for c in comparisons]
    low, high = percentile_interval(np.array(differences), confidence)
    ties = np.array([np.all(c.ties) for c in comparisons])
    if np.any(high < 0):
        return "fails"
    return "holds" if np.all((low > 0) | (ties & (low == 0))) else "cannot_be_told"
