"""The two protocols of testing. A protocol is which two descriptor folders meet: symmetric, a network's own twice;
asymmetric, the student's queries and its teacher's database.

The database's side owns the whitening: its folder's, or one learned here from its descriptors of the whitening images.
"""

from pathlib import Path

import numpy as np

from aml.evaluation.ranking import evaluate
from aml.evaluation.whitening import Whitening, given, learn
from aml.files.descriptors import DescriptorFolder
from aml.files.evaluated_lists import testing_lists
from aml.files.image_sets import ImageSet, read_ground_truth
from aml.files.whitening import owned_whitening


class Lists:
    """The image lists of testing, read once for both protocols.

    images: array name -> image set, as `testing_lists` gives it; ground_truth: test set -> its labels, query by query.
    """

    def __init__(self, processed: Path, ground_truth: Path, sets: dict):
        self.sets, self.whitening_list = sets, f"{sets['train_set']}.whitening"
        self.distractor_list = f"{sets['distractors']}.database"
        self.images, self.whitening_pairs = testing_lists(processed, **sets)
        self.digests = {name: listed.digest() for name, listed in self.images.items()}
        self.ground_truth = {
            name: read_ground_truth(ground_truth / f"{name}.json", *map(len, self._of_set(name)))
            for name in sets["test_sets"]
        }

    def _of_set(self, name: str) -> tuple[ImageSet, ImageSet]:
        return self.images[f"{name}.queries"], self.images[f"{name}.database"]

    def require(self, *folders: DescriptorFolder) -> None:
        """Raises ValueError unless all describe exactly these lists, every row of them, and alike: one extraction,
        one dimension."""
        for folder in folders:
            for name, listed in self.images.items():
                if name != self.whitening_list or not folder.owns_whitening:
                    folder.require_list(name, len(listed), self.digests[name])
            _require_alike(folders[0], folder)

    def whitening(self, database: DescriptorFolder) -> Whitening:
        """The database network's own, or the one learned from its descriptors. Raises ValueError without either."""
        owned = owned_whitening(database)
        if owned is not None:
            return given(*owned)
        if self.whitening_pairs is None:
            raise ValueError(
                f"{database.folder} owns no whitening, and grid.train_set is empty: name the set that it is learned on"
            )
        return learn(np.asarray(database[self.whitening_list]), *self.whitening_pairs)

    def counts(self) -> dict:
        """Of each test set how much was ranked, and the digest of its lists."""
        distractors = self.images.get(self.distractor_list, ())
        return {
            name: {
                "num_queries": len(self.images[f"{name}.queries"]),
                "num_database": len(self.images[f"{name}.database"]),
                "num_distractors": len(distractors),
                "digest": self.digests[f"{name}.database"],
            }
            for name in self.sets["test_sets"]
        }

    def query_names(self) -> dict[str, list[str]]:
        """Of each test set, alone and as `<set>+<distractors>`, its queries in row order."""
        names = {name: self.images[f"{name}.queries"].names for name in self.sets["test_sets"]}
        if self.distractor_list in self.images:
            names |= {self._crowded(name): of_set for name, of_set in names.items()}
        return names

    def evaluate(self, queries: DescriptorFolder, database: DescriptorFolder, whitening: Whitening) -> dict[str, dict]:
        """What `ranking.summarise` gives, by test set; with distractors, also by `<set>+<distractors>`."""
        results = {}
        distractors = [database[self.distractor_list]] if self.distractor_list in self.images else []
        for name in self.sets["test_sets"]:
            alone, crowded = evaluate(
                queries[f"{name}.queries"],
                database[f"{name}.database"],
                self.ground_truth[name],
                distractors=distractors,
                whiten=whitening.apply,
            )
            results[name] = alone
            if crowded is not None:
                results[self._crowded(name)] = crowded
        return results

    def _crowded(self, name: str) -> str:
        return f"{name}+{self.sets['distractors']}"


def _require_alike(own: DescriptorFolder, teacher: DescriptorFolder) -> None:
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
