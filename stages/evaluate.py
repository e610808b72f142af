"""Both protocols for one network. A protocol is which two descriptor folders meet: symmetric, the network's own twice;
asymmetric, the student's queries and its teacher's database. The database's side owns the whitening: its folder's, or
one learned here from its descriptors of the whitening images.

Reads: <descriptors>, <processed> (ground truth, whitening pairs), <teacher> (descriptors, for a distilled student).
Writes: <record>, JSON: who it is, what was measured on how much, and nested percentages with two decimals.
"""

import argparse
from pathlib import Path

import numpy as np

from aml.evaluation.ranking import evaluate
from aml.evaluation.whitening import Whitening, given, learn
from aml.storage.descriptors import DescriptorFolder
from aml.storage.files import write_json
from aml.storage.imagesets import read_ground_truth
from aml.storage.parameters import of_type, section
from aml.storage.testing import excluded_counts, testing_lists, testing_sets
from stages.runtime import parameters, run


def main(
    descriptors: Path, processed: Path, record: Path, teacher: Path | None, loss: str | None, values: dict
) -> None:
    own = DescriptorFolder(descriptors)
    sides = {"symmetric": own}
    if teacher is not None:
        sides["asymmetric"] = DescriptorFolder(teacher)
        require_same(own, sides["asymmetric"])
    lists = Lists(processed, testing_sets(values))
    for folder in sides.values():
        lists.require(folder)
    write_json(
        record,
        {
            "network": {
                "key": descriptors.name,
                "network": descriptors.name.split("-")[0],
                "teacher": None if teacher is None else teacher.name,
                "loss": loss or of_type(str, section(values, "grid.loss_without_teacher"), "grid.loss_without_teacher"),
                "dimension": own.network["dimension"],
                "num_parameters": own.network["num_parameters"],
                "whitening": own.network.get("whitening"),
            },
            "evaluation": {
                **own.extraction,
                "whitening": "database",
                "sets": lists.counts(),
                "num_excluded": excluded_counts(processed, **lists.sets),
            },
            **{protocol: lists.evaluate(own, database) for protocol, database in sides.items()},
        },
    )


class Lists:
    """The image lists of testing, read once for both protocols."""

    def __init__(self, processed: Path, sets: dict):
        self.sets, self.whitening_list = sets, f"{sets['train_set']}.whitening"
        images, self.whitening_pairs = testing_lists(processed, **sets)
        self.lengths = {name: len(listed) for name, listed in images.items()}
        self.digests = {name: listed.digest() for name, listed in images.items()}
        self.ground_truth = {
            name: read_ground_truth(processed / name, self.lengths[f"{name}.database"]) for name in sets["test_sets"]
        }

    def require(self, folder: DescriptorFolder) -> None:
        """Raises ValueError unless `folder` describes exactly these lists, every row of them."""
        for name, length in self.lengths.items():
            if name != self.whitening_list or not folder.owns_whitening:
                folder.require_list(name, length, self.digests[name])

    def whitening(self, database: DescriptorFolder) -> Whitening:
        """The database network's own, or the one learned from its descriptors. Raises ValueError without either."""
        if database.owns_whitening:
            return given(*database.whitening())
        if self.whitening_pairs is None:
            raise ValueError(
                f"{database.folder} owns no whitening, and grid.train_set is empty: name the set that it is learned on"
            )
        return learn(np.asarray(database[self.whitening_list]), *self.whitening_pairs)

    def counts(self) -> dict:
        """Of each test set how much was ranked, and the digest of its lists."""
        crowd = f"{self.sets['distractors']}.database"
        return {
            name: {
                "num_queries": self.lengths[f"{name}.queries"],
                "num_database": self.lengths[f"{name}.database"],
                "num_distractors": self.lengths.get(crowd, 0),
                "digest": self.digests[f"{name}.database"],
            }
            for name in self.sets["test_sets"]
        }

    def evaluate(self, queries: DescriptorFolder, database: DescriptorFolder) -> dict:
        """Percentages by test set (with distractors: `<set>+<distractors>`), level and measure."""
        whitening, distractors, results = self.whitening(database), self.sets["distractors"], {}
        crowd = f"{distractors}.database"
        appended = [database[crowd]] if crowd in self.lengths else []
        for name in self.sets["test_sets"]:
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
