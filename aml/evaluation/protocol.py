"""The two protocols: which descriptor folders meet in testing, and whose whitening they share (METHOD, Section 4).

Symmetric testing ranks a network's own database for its own queries, asymmetric testing its teacher's database for its
own queries. The whitening is the database side's: that folder's database is whitened by it, and queries are here.
"""

from collections.abc import Collection
from pathlib import Path

from aml.evaluation.chance import chance
from aml.evaluation.expansion import add_expanded
from aml.evaluation.landmarks import landmarks
from aml.evaluation.ranking import evaluate
from aml.evaluation.whitening import whiten_queries
from aml.files.descriptors import DescriptorFolder
from aml.files.evaluated_lists import testing_digests
from aml.files.image_sets import read_ground_truth, read_queries
from aml.files.whitening import Whitening
from aml.params.expansion import ExpansionSettings


class Lists:
    """The lists of testing, read once for both protocols, and checked against the descriptor folders that will meet.

    queries: test set -> names of its queries in row order; ground_truth, landmarks: test set -> labels, landmark of
    each query. Raises ValueError unless all folders describe exactly these lists, by one extraction, in one dimension;
    one that has no queries (see `describes_queries`) describes the databases alone.
    """

    def __init__(self, processed: Path, ground_truth: Path, sets: dict, folders: Collection[DescriptorFolder]):
        first, *_ = folders
        self.test_sets, self.distractors = sets["test_sets"], f"{sets['distractors']}.database"
        self.digests = testing_digests(processed, **sets)
        for folder in folders:
            for name, digest in self.digests.items():
                is_database = name.endswith(".database")
                if is_database or describes_queries(folder):
                    folder.require_list(name, digest, whitened=is_database)
            _require_alike(first, folder)
        self.rows = {name: first.entry(name)["rows"] for name in self.digests if name.endswith(".database")}
        self.queries = {name: read_queries(processed / name).names for name in self.test_sets}
        self.ground_truth = {name: read_ground_truth(ground_truth / f"{name}.json") for name in self.test_sets}
        self.landmarks = {name: landmarks(labels) for name, labels in self.ground_truth.items()}

    def counts(self) -> dict:
        """Return for each test set the numbers of images, and the digest of its database list."""
        return {
            name: {
                "num_queries": len(self.queries[name]),
                "num_landmarks": len(set(self.landmarks[name])),
                "num_database": self.rows[f"{name}.database"],
                "num_distractors": self.rows.get(self.distractors, 0),
                "digest": self.digests[f"{name}.database"],
            }
            for name in self.test_sets
        }

    def queries_with_landmarks(self) -> dict[str, list[tuple[str, int]]]:
        """Return name and landmark of the queries in row order for each `<set>` and each `<set>+<distractors>`."""
        found = {name: list(zip(names, self.landmarks[name], strict=True)) for name, names in self.queries.items()}
        if self.distractors in self.digests:
            found |= {self._with_distractors(name): of_set for name, of_set in found.items()}
        return found

    def chance(self) -> dict[str, dict]:
        """Return what a random ranking gives, as `evaluate` does for descriptors."""
        results = {}
        for name, labels in self.ground_truth.items():
            size = self.rows[f"{name}.database"]
            results[name] = chance(labels, size)
            if self.distractors in self.digests:
                results[self._with_distractors(name)] = chance(labels, size + self.rows[self.distractors])
        return results

    def evaluate(
        self,
        queries: DescriptorFolder,
        database: DescriptorFolder,
        whitening: Whitening,
        expansion: ExpansionSettings,
    ) -> dict[str, dict]:
        """Return what `ranking.summarise` gives for each `<set>` and, with distractors, each `<set>+<distractors>`,
        with the measures of `expansion`, no level of them for a folder without queries; `whitening` is the database's.
        """
        if not describes_queries(queries):
            return {name: {} for name in self.queries_with_landmarks()}
        results = {}
        distractors = database[self.distractors] if self.distractors in self.digests else None
        for name in self.test_sets:
            whitened, labels = whiten_queries(queries[f"{name}.queries"], whitening), self.ground_truth[name]
            images = database[f"{name}.database"]
            results[name], with_distractors = evaluate(whitened, images, labels, distractors)
            add_expanded(results[name], whitened, [images], labels, expansion)
            if with_distractors is not None:
                results[self._with_distractors(name)] = with_distractors
                add_expanded(with_distractors, whitened, [images, distractors], labels, expansion)
        return results

    def _with_distractors(self, name: str) -> str:
        return f"{name}+{self.distractors.removesuffix('.database')}"


def describes_queries(folder: DescriptorFolder) -> bool:
    """Return whether a folder has its own descriptors of queries; a folder of vectors may have those of databases
    only."""
    return folder.network.get("queries", True)


def _require_alike(own: DescriptorFolder, teacher: DescriptorFolder) -> None:
    """Raise ValueError unless both sides were extracted alike, to vectors of one dimension."""
    if own.extraction != teacher.extraction:
        raise ValueError(
            f"{own.folder} and {teacher.folder} differ in extraction: {own.extraction}, {teacher.extraction}"
        )
    if own.network["dimension"] != teacher.network["dimension"]:
        raise ValueError(
            f"{own.folder} has dimension {own.network['dimension']}, {teacher.folder} {teacher.network['dimension']}: "
            "a student is tested against the teacher whose dimension it has"
        )
