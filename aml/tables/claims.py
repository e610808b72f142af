"""The supplement's claims, checked on any set of Tables 5-10. Torch-free.

A claim comes apart into comparisons of two scores. A pair keeps the claim if all of its comparisons hold, and the
claim holds if every pair keeps it. Ties count for "best", "second" and "worst", not for the other words.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from aml.files.atomic import replacing
from aml.tables import orderings
from aml.tables.model import Table
from aml.tables.orderings import CLEAR_LEAD, EXCEPTION, IN_TEACHERS_SPACE, Comparison

CLAIMS = (
    ("a1", "symmetric: contr_pos is the worst row of the ablation in mAP", orderings.positives_alone_are_worst),
    (
        "a2",
        "symmetric: the anchor itself improves contr_pos in mAP",
        orderings.positives_alone_improved_by("contr_pos_self"),
    ),
    ("a3", "symmetric: negatives improve contr_pos in mAP", orderings.positives_alone_improved_by("contr")),
    (
        "b",
        f"symmetric: contr_plus is the best row of the ablation in mAP, except {EXCEPTION}",
        orderings.best_symmetric,
    ),
    ("c1", "asymmetric: reg is the best in mAP", orderings.best_asymmetric("reg", "mAP")),
    ("c2", "asymmetric: contr_plus is the second in mAP", orderings.best_asymmetric("contr_plus", "mAP", ("reg",))),
    ("c3", "asymmetric: the anchor itself improves contr and contr_pos in mAP", orderings.improved_by_self),
    ("d1", "asymmetric: reg is the best in mP@10", orderings.best_asymmetric("reg", "mP@10")),
    ("d2", "asymmetric: contr_plus is the second in mP@10", orderings.best_asymmetric("contr_plus", "mP@10", ("reg",))),
    ("e", "with distractors every value falls that isn't zero already", orderings.falls_with_distractors),
    ("f", "symmetric: in the last pair contr_plus beats its teacher in every column", orderings.beats_its_teacher),
    (
        "g",
        f"with distractors the gap in mAP from symmetric to asymmetric grows for {', '.join(IN_TEACHERS_SPACE)}",
        orderings.gap_grows,
    ),
    ("h", "asymmetric: rkd and dr are near chance, under a third of reg's mAP", orderings.near_chance),
    (
        "i",
        "symmetric, with distractors: contr_plus or contr is the best in mAP",
        orderings.best_among_distractors,
    ),
    (
        "j",
        "symmetric, with distractors: in the last pair the better of contr_plus and contr beats its teacher in mAP",
        orderings.beats_its_teacher_among_distractors,
    ),
    (
        "k1",
        "asymmetric, with distractors: reg is the best in mAP",
        orderings.best_asymmetric("reg", "mAP", numbers=(10,)),
    ),
    (
        "k2",
        "asymmetric, with distractors: contr_plus is the second in mAP",
        orderings.best_asymmetric("contr_plus", "mAP", ("reg",), numbers=(10,)),
    ),
    (
        "l",
        f"symmetric: of two losses {CLEAR_LEAD} points or more apart in mAP, the same one is ahead in mP@10",
        orderings.precision_follows,
    ),
)

MEANINGS = {
    "a1": "With one network for both sides, positives alone teach a student least.",
    "a2": "The teacher's descriptor of the same image (Self), added to positives, helps.",
    "a3": "Negatives, added to positives, help.",
    "b": "With one network for both sides, all three together (Contr⁺) teach best.",
    "c1": "On the teacher's database, the student that copies it image by image (Reg), without any label, is best.",
    "c2": "Contr⁺ comes second there.",
    "c3": "Self helps there too: a student must land where its teacher is.",
    "d1": "In the ten first results too, Reg is best on the teacher's database.",
    "d2": "In the ten first results too, Contr⁺ comes second there.",
    "e": "Every network finds less among many unrelated images.",
    "f": "A small student can beat the teacher it learned from.",
    "g": "Among unrelated images, asking the teacher's database costs more.",
    "h": "A student that learned relations between images only finds next to nothing in its teacher's database.",
    "i": "Among unrelated images too, with one network for both sides, a student that learned from labels and the "
    "teacher's descriptors (Contr⁺ or Contr) is best.",
    "j": "Such a student can beat its teacher among unrelated images too.",
    "k1": "Among unrelated images too, Reg is best on the teacher's database.",
    "k2": "Among unrelated images too, Contr⁺ comes second there.",
    "l": "With one network for both sides, a loss that is clearly ahead over the whole ranking is ahead in the ten "
    "first results too.",
}
COUNTS = ("holding", "total", "left_out", "failing")  # of pairs; failing by name
CLAIM_COLUMNS = ("claim", "sentence", *(f"{whose}_{count}" for whose in ("ours", "printed") for count in COUNTS))


def write_claims(path: Path, tables: Iterable[Table], printed: Iterable[Table]) -> None:
    """A CSV line a claim: how many pairs of `tables` and of the printed tables keep it, and which do not."""
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CLAIM_COLUMNS)
        for ours, theirs in zip(check_claims(tables), check_claims(printed), strict=True):
            writer.writerow((ours["claim"], ours["sentence"], *_counts(ours), *_counts(theirs)))


def read_claims(path: Path) -> list[dict[str, str]]:
    """The lines that `write_claims` wrote, by CLAIM_COLUMNS."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _counts(report: dict) -> tuple:
    failing = "; ".join(line["pair"] for line in report["failing"])
    return report["pairs_holding"], report["pairs_total"], report["pairs_left_out"], failing


def check_claims(tables: Iterable[Table]) -> list[dict]:
    """What became of each claim, as plain dicts.

    claim, sentence; holds (None if no pair could be checked); pairs_holding, pairs_total, pairs_left_out (those that
    lack a cell); comparisons_holding, comparisons_total; failing: [{pair, comparisons}].
    """
    by_number = {table.number: table for table in tables}
    return [_report(name, sentence, list(comparisons(by_number))) for name, sentence, comparisons in CLAIMS]


def _report(name: str, sentence: str, comparisons: list[Comparison]) -> dict:
    by_pair: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        by_pair.setdefault(comparison.pair, []).append(comparison)
    checked = {pair: of_pair for pair, of_pair in by_pair.items() if all(c.known for c in of_pair)}
    failing = {pair: [str(c) for c in of_pair if not c.holds] for pair, of_pair in checked.items()}
    failing = {pair: texts for pair, texts in failing.items() if texts}
    total = sum(map(len, checked.values()))
    return {
        "claim": name,
        "sentence": sentence,
        "holds": not failing if checked else None,
        "pairs_holding": len(checked) - len(failing),
        "pairs_total": len(checked),
        "pairs_left_out": len(by_pair) - len(checked),
        "comparisons_holding": total - sum(map(len, failing.values())),
        "comparisons_total": total,
        "failing": [{"pair": pair, "comparisons": texts} for pair, texts in failing.items()],
    }
