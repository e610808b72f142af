"""Try constants of the embedded default on the development set, which is in no table.

`python -m benchmarks.development` writes reports/development.csv: mAP on RSynthDev, in percent, of the committed
params.yaml (the first variant) and of variants of it. The stages' own functions train, describe and evaluate. What is
done is kept in work/development, so that an interrupted run goes on, and variants share their teachers.
"""

import copy
import csv
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from aml.files.atomic import read_json, replacing
from aml.params.datasets import dataset_settings
from aml.params.reading import parameters, section
from stages import download, evaluate, extract, preprocess, targets, train, weights

FOLDER = Path("work/development")
SET = "rsynth_dev"
SCORES = [(protocol, level) for protocol in ("symmetric", "asymmetric") for level in ("medium", "hard")]
COMMITTED = "params.yaml"
COLUMNS = ["variant", "network", "loss", "teacher", "dimension", *(f"{protocol}_{level}" for protocol, level in SCORES)]
CONTRASTIVE = ["reg", "contr_plus", "contr_pos_self", "contr", "contr_pos"]
PAIR = ("lite0_mid", "lite0")  # on which variants of students are tried
SHORT = ("lite0_short", "lite0")
LABELLED = ("contr", "contr_plus", "contr_pos", "contr_pos_self", "triplet", "ms")


def margins(margin: float) -> dict:
    return {f"losses.{loss}.margin": margin for loss in ("contr", "contr_plus")}


def anchors(labelled: int, unlabelled: int) -> dict:
    """Return the anchors of an epoch, for the losses that need labels and for the others."""
    counts = dict.fromkeys(LABELLED, labelled) | dict.fromkeys(("reg", "rkd", "dr"), unlabelled)
    return {f"losses.{loss}.images_per_epoch": count for loss, count in counts.items()}


# Name -> (what differs from params.yaml by dotted name, students by teachers, losses); no students: teachers alone.
VARIANTS: dict[str, tuple[dict, list[tuple[str, str]], list[str]]] = {
    "untrained students": ({"distill.epochs": 1, "distill.learning_rate": 1e-12}, [PAIR, SHORT], ["reg"]),
    "shrinkage 0": ({"whitening.shrinkage": 0}, [PAIR], ["reg", "contr_plus", "triplet", "ms"]),
    "shrinkage 1": ({"whitening.shrinkage": 1}, [PAIR], ["reg", "contr_plus", "triplet", "ms"]),
    "shrinkage 10": ({"whitening.shrinkage": 10}, [PAIR], ["reg", "contr_plus", "triplet", "ms"]),
    "shrinkage 1e6: centred only": ({"whitening.shrinkage": 1e6}, [PAIR], ["reg", "contr_plus"]),
    "untrained teachers": ({"train_teacher.epochs": 1, "train_teacher.learning_rate": 1e-12}, [], []),
    "untrained teachers, centred only": (
        {"train_teacher.epochs": 1, "train_teacher.learning_rate": 1e-12, "whitening.shrinkage": 1e6}, [], [],
    ),
    "teacher's rate 0.0002": ({"train_teacher.learning_rate": 2e-4}, [], []),
    "margin 0.7": (margins(0.7), [PAIR], ["contr_plus", "contr"]),
    "margin 0.5": (margins(0.5), [PAIR], ["contr_plus", "contr"]),
    "triplet's margin 0.7": ({"losses.triplet.margin": 0.7}, [PAIR], ["triplet"]),
    "pool of 24": ({"distill.pool_size": 24}, [PAIR], ["contr_plus", "contr", "triplet", "ms"]),
    "rate 0.01": ({"distill.learning_rate": 0.01}, [PAIR], ["reg", "contr_plus"]),
    "1,000 anchors for all": (anchors(1000, 1000), [PAIR, SHORT], ["reg"]),
    "150 and 1,500 anchors": (anchors(150, 1500), [PAIR], CONTRASTIVE),
}  # fmt: skip


class Cell(NamedTuple):
    """A teacher; with `teacher`, its student; with `dimension`, a student without teacher."""

    network: str
    loss: str
    teacher: str = ""
    dimension: int | None = None


class Development:
    """The stages under one variant of params.yaml: `overrides` maps dotted names to values."""

    def __init__(self, overrides: dict):
        self.values = copy.deepcopy(parameters())
        for name, value in {"grid.test_sets": [SET], "grid.distractors": None, **overrides}.items():
            parents, _, last = name.rpartition(".")
            section(self.values, parents)[last] = value
        self.train_set, self.loss = (self.values["grid"][name] for name in ("train_set", "loss_without_teacher"))
        self.processed = FOLDER / "processed" / self.digest(f"datasets.{self.train_set}", f"datasets.{SET}")
        self.labels = self.processed.with_suffix(".labels")

    def digest(self, *names: str, of: Sequence = ()) -> str:
        """Return a short name for what sections of params.yaml hold, and for `of`."""
        found = json.dumps([[section(self.values, name) for name in names], of], sort_keys=True)
        return hashlib.sha256(found.encode()).hexdigest()[:12]

    def draw(self) -> None:
        """Draw and pack the training set and the development set, and take the weights, unless they are there."""
        for name in (self.train_set, SET):
            if not (self.processed / name).exists():
                raw = FOLDER / "raw" / self.digest(f"datasets.{name}") / name
                download.draw(dataset_settings(self.values, name), raw, num_processes=2)
                self.labels.mkdir(parents=True, exist_ok=True)
                preprocess.main(name, raw, self.processed / name, self.labels / f"{name}.json", self.values)
        if not (FOLDER / "weights").exists():
            weights.main(FOLDER / "weights", FOLDER / "originals", FOLDER / "originals.json", self.values)

    def network(self, cell: Cell) -> str:
        """Train a network unless it is there; return its key."""
        teacher = self.network(self.teacher(cell)) if cell.teacher else None
        kind = "distill" if teacher else "train_student" if cell.dimension else "train_teacher"
        names = [kind, *([f"losses.{cell.loss}"] if teacher else []), f"networks.{cell.network}"]
        of = [cell.loss, teacher, self.processed.name, *([cell.dimension] if cell.dimension else [])]
        key = f"{cell.network}-{self.digest(*names, of=of)}"
        model, images, started = FOLDER / "models" / key, self.processed / self.train_set, time.perf_counter()
        if not model.exists():
            given = {"seed": 0, "dimension": cell.dimension} if kind != "train_teacher" else {}
            given |= {"targets": FOLDER / "targets" / teacher} if teacher else {}
            start = FOLDER / "weights" / cell.network
            train.main(cell.network, images, start, model, self.values, loss=cell.loss, settings=kind, **given)
            print(f"{key}: {cell.loss} trained in {time.perf_counter() - started:.0f} s", flush=True)
        if kind == "train_teacher" and not (FOLDER / "targets" / key).exists():
            targets.main(model, images, FOLDER / "targets" / key, self.values)
        return key

    def teacher(self, cell: Cell) -> Cell:
        return Cell(cell.teacher, self.loss)

    def scores(self, cell: Cell) -> dict[str, float]:
        """Return mAP in percent of one network on the development set, by protocol and level."""
        keys = [self.network(each) for each in (cell, *([self.teacher(cell)] if cell.teacher else []))]
        tested = FOLDER / "tested" / self.digest("extract", "whitening")
        for key in keys:
            if not (tested / key).exists():
                extract.main(FOLDER / "models" / key, self.processed, tested / key, self.values)
        metrics = tested / "metrics" / f"{keys[0]}.json"
        if not metrics.exists():
            metrics.parent.mkdir(exist_ok=True)
            folders = tested, self.processed, self.labels, metrics.parent, metrics.parent
            who = {"key": keys[0], "network": cell.network, "teacher": keys[1] if cell.teacher else None}
            evaluate.main(*folders, self.values, loss=cell.loss, **who)
        record = read_json(metrics)
        return {f"{p}_{level}": record[p][SET][level]["mAP"] for p, level in SCORES if p in record}


def cells(values: dict, pairs: list[tuple[str, str]], losses: list[str]) -> list[Cell]:
    """Return the teachers of these pairs, or all, and the pairs' students by each loss."""
    teachers = dict.fromkeys(teacher for _, teacher in pairs) or values["grid"]["teachers"]
    found = [Cell(teacher, values["grid"]["loss_without_teacher"]) for teacher in teachers]
    return found + [Cell(student, loss, teacher) for student, teacher in pairs for loss in losses]


def of_grid(values: dict) -> list[Cell]:
    """Return all networks of the grid by one seed."""
    grid = values["grid"]
    pairs = [(student, teacher) for student in grid["students"] for teacher in grid["teachers"]]
    alone = [(student, dimension) for student in grid["students"] for dimension in grid["dimensions"]]
    without_teacher = [Cell(student, grid["loss_without_teacher"], dimension=d) for student, d in alone]
    return cells(values, pairs, grid["losses"]) + without_teacher


def main() -> None:
    torch.set_num_threads(1)
    wanted = [(COMMITTED, {}, of_grid(parameters()))]
    wanted += [(name, overrides, cells(parameters(), *which)) for name, (overrides, *which) in VARIANTS.items()]
    found = []
    for variant, overrides, of_variant in wanted:
        development = Development(overrides)
        development.draw()
        for cell in of_variant:
            found.append({"variant": variant, **cell._asdict(), **development.scores(cell)})
            print(*found[-1].values(), flush=True)
    with replacing(Path("reports/development.csv")) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(found)


if __name__ == "__main__":
    main()
