"""The two protocols: which descriptor folders meet in testing, and whose whitening they share (METHOD, Section 4).

Symmetric testing ranks a network's own database for its own queries, asymmetric testing its teacher's database for its
own queries. The whitening belongs to the database's side: that folder has it, or it is learned here from that folder's
descriptors of the whitening images.
"""

from pathlib import Path

from aml.evaluation.chance import chance
from aml.evaluation.landmarks import landmarks
from aml.evaluation.ranking import evaluate
from aml.evaluation.whitening import Whitening, learn
from aml.files.descriptors import DescriptorFolder
from aml.files.evaluated_lists import testing_lists
from aml.files.image_sets import read_ground_truth
from aml.files.whitening import owned_whitening


class Lists:
    """The image lists of testing, read once for both protocols.

    images: array name -> image set, as `testing_lists` gives it; ground_truth, landmarks: test set -> labels, landmark
    of each query.
    """

    def __init__(self, processed: Path, ground_truth: Path, sets: dict):
        self.sets, self.whitening_list = sets, f"{sets['train_set']}.whitening"
        self.distractor_list = f"{sets['distractors']}.database"
        self.images, self.whitening_pairs = testing_lists(processed, **sets)
        self.digests = {name: listed.digest() for name, listed in self.images.items()}
        self.ground_truth = {}
        for name in sets["test_sets"]:
            self.ground_truth[name] = read_ground_truth(ground_truth / f"{name}.json")
        self.landmarks = {name: landmarks(labels) for name, labels in self.ground_truth.items()}

    def require(self, *folders: DescriptorFolder) -> None:
        """Raises ValueError unless all folders describe exactly these lists, by one extraction, in one dimension."""
        for folder in folders:
            for name, listed in self.images.items():
                if name != self.whitening_list or not folder.owns_whitening:
                    folder.require_list(name, len(listed), self.digests[name])
            _require_alike(folders[0], folder)

    def whitening(self, database: DescriptorFolder, shrinkage: float) -> Whitening:
        """Return the whitening that the folder's network has, or the one learned from its descriptors. Raises
        ValueError without either."""
        owned = owned_whitening(database)
        if owned is not None:
            return Whitening(*owned)
        if self.whitening_pairs is None:
            raise ValueError(
                f"{database.folder} owns no whitening, and grid.train_set is empty: name the set that it is learned on"
            )
        return learn(database[self.whitening_list], *self.whitening_pairs, shrinkage=shrinkage)

    def counts(self) -> dict:
        """Return for each test set the numbers of images, and the digest of its database list."""
        return {
            name: {
                "num_queries": len(self.images[f"{name}.queries"]),
                "num_landmarks": len(set(self.landmarks[name])),
                "num_database": len(self.images[f"{name}.database"]),
                "num_distractors": len(self.images.get(self.distractor_list, ())),
                "digest": self.digests[f"{name}.database"],
            }
            for name in self.sets["test_sets"]
        }

    def queries(self) -> dict[str, list[tuple[str, int]]]:
        """Return name and landmark of the queries in row order for each `<set>` and each `<set>+<distractors>`."""
        found = {
            name: list(zip(self.images[f"{name}.queries"].names, numbers, strict=True))
            for name, numbers in self.landmarks.items()
        }
        if self.distractor_list in self.images:
            found |= {self._with_distractors(name): of_set for name, of_set in found.items()}
        return found

    def chance(self) -> dict[str, dict]:
        """Return what a random ranking gives, as `evaluate` does for descriptors."""
        results = {}
        for name, labels in self.ground_truth.items():
            size = len(self.images[f"{name}.database"])
            results[name] = chance(labels, size)
            if self.distractor_list in self.images:
                results[self._with_distractors(name)] = chance(labels, size + len(self.images[self.distractor_list]))
        return results

    def evaluate(self, queries: DescriptorFolder, database: DescriptorFolder, whitening: Whitening) -> dict[str, dict]:
        """Return what `ranking.summarise` gives for each `<set>` and, with distractors, each `<set>+<distractors>`."""
        results = {}
        distractors = [database[self.distractor_list]] if self.distractor_list in self.images else []
        for name in self.sets["test_sets"]:
            results[name], with_distractors = evaluate(
                queries[f"{name}.queries"],
                database[f"{name}.database"],
                self.ground_truth[name],
                distractors=distractors,
                whiten=whitening.apply,
            )
            if with_distractors is not None:
                results[self._with_distractors(name)] = with_distractors
        return results

    def _with_distractors(self, name: str) -> str:
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
