"""Both protocols for one network. A protocol is which two descriptor folders meet: symmetric, the network's own twice;
asymmetric, the student's queries and its teacher's database. The database's side owns the whitening.

Reads: <descriptors>, <processed> (ground truth, whitening pairs), <teacher> (descriptors, for a distilled student).
Writes: <record>, JSON: who it is, what was measured on how much, and nested percentages with two decimals.
"""

import argparse
from pathlib import Path

import numpy as np

from aml.evaluation.ranking import evaluate
from aml.evaluation.whitening import learn
from aml.storage.descriptors import DescriptorFolder
from aml.storage.files import write_json
from aml.storage.imagesets import read_ground_truth, read_images, read_lists, read_queries
from aml.storage.parameters import of_type, section
from stages.runtime import parameters, run


def main(
    descriptors: Path, processed: Path, record: Path, teacher: Path | None, loss: str | None, values: dict
) -> None:
    own = DescriptorFolder(descriptors)
    sides = {"symmetric": own}
    if teacher is not None:
        sides["asymmetric"] = DescriptorFolder(teacher)
        require_same(own, sides["asymmetric"])
    names = {key: of_type(kind, section(values, f"grid.{key}"), f"grid.{key}") for key, kind in KINDS.items()}
    lists = Lists(processed, names)
    for folder in sides.values():
        lists.require(folder)
    write_json(
        record,
        {
            "network": {
                "key": descriptors.name,
                "network": descriptors.name.split("-")[0],
                "teacher": None if teacher is None else teacher.name,
                "loss": loss or names["loss_without_teacher"],
                "dimension": own.network["dimension"],
                "num_parameters": own.network["num_parameters"],
            },
            "evaluation": {**own.extraction, "whitening": "database", "sets": lists.counts()},
            **{protocol: lists.evaluate(own, database) for protocol, database in sides.items()},
        },
    )


KINDS = {"train_set": str, "test_sets": list[str], "distractors": str | None, "loss_without_teacher": str}


class Lists:
    """The image lists of testing, read once for both protocols."""

    def __init__(self, processed: Path, names: dict):
        self.names = names
        self.images = {}
        for test_set in names["test_sets"]:
            self.images[f"{test_set}.queries"] = read_queries(processed / test_set)
            self.images[f"{test_set}.database"] = read_images(processed / test_set)
        self.ground_truth = {
            name: read_ground_truth(processed / name, len(self.images[f"{name}.database"]))
            for name in names["test_sets"]
        }
        lists = read_lists(processed / names["train_set"])
        pairs = lists["whitening_queries"], lists["whitening_positives"]
        rows = np.union1d(*pairs)
        self.whitening = f"{names['train_set']}.whitening"
        self.images[self.whitening] = read_images(processed / names["train_set"]).subset(rows)
        self.pairs = [np.searchsorted(rows, side) for side in pairs]
        if names["distractors"] is not None:
            self.images[f"{names['distractors']}.database"] = read_images(processed / names["distractors"])

    def require(self, folder: DescriptorFolder) -> None:
        """Raises ValueError unless `folder` describes exactly these lists, every row of them."""
        for name, images in self.images.items():
            folder.require_list(name, len(images), images.digest())

    def counts(self) -> dict:
        """Of each test set how much was ranked, and the digest of its lists."""
        distractors = self.names["distractors"]
        return {
            name: {
                "num_queries": len(self.images[f"{name}.queries"]),
                "num_database": len(self.images[f"{name}.database"]),
                "num_distractors": len(self.images[f"{distractors}.database"]) if distractors else 0,
                "digest": self.images[f"{name}.database"].digest(),
            }
            for name in self.names["test_sets"]
        }

    def evaluate(self, queries: DescriptorFolder, database: DescriptorFolder) -> dict:
        """Percentages by test set (with distractors: `<set>+<distractors>`), level and measure."""
        whitening = learn(np.asarray(database[self.whitening]), *self.pairs)
        distractors, results = self.names["distractors"], {}
        appended = [] if distractors is None else [database[f"{distractors}.database"]]
        for name in self.names["test_sets"]:
            alone, crowded = evaluate(
                queries[f"{name}.queries"],
                database[f"{name}.database"],
                self.ground_truth[name],
                distractors=appended,
                whiten=whitening.apply,
            )
            results[name] = percentages(alone)
            if crowded is not None:
                results[f"{name}+{distractors}"] = percentages(crowded)
        return results


def percentages(levels: dict) -> dict:
    """The means of each level in percent, two decimals."""
    return {
        level: {name: round(100 * value, 2) for name, value in values.items() if name.startswith("m")}
        for level, values in levels.items()
    }


def require_same(own: DescriptorFolder, teacher: DescriptorFolder) -> None:
    """Raises ValueError unless both sides were extracted alike, to vectors of one dimension."""
    if own.extraction != teacher.extraction:
        raise ValueError(
            f"{own.folder} and {teacher.folder} differ in extraction: {own.extraction}, {teacher.extraction}"
        )
    if own.network["dimension"] != teacher.network["dimension"]:
        raise ValueError(
            f"{own.folder} has dimension {own.network['dimension']}, {teacher.folder} {teacher.network['dimension']}: "
            "a student is tested against the teacher whose dimension it has"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("descriptors", type=Path)
    parser.add_argument("processed", type=Path)
    parser.add_argument("record", type=Path)
    parser.add_argument("--teacher", type=Path, help="the teacher's descriptor folder, for a distilled student")
    parser.add_argument("--loss", help="by which it was distilled")
    a = parser.parse_args()
    run(main, a.descriptors, a.processed, a.record, a.teacher, a.loss, parameters())
