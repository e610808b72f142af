"""A teacher's whitened database as the stages `export` and `index` search it, exactly."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from aml.evaluation.protocol import Lists, describes_queries
from aml.evaluation.ranking import evaluate
from aml.evaluation.whitening import whiten_queries
from aml.files.descriptors import DescriptorFolder
from aml.files.evaluated_lists import testing_lists
from aml.files.whitening import database_whitening


class TeacherDatabase:
    """A teacher's descriptor folder with its lists.

    images: array name -> image set. parts: the arrays that a search finds images in, test sets before distractors:
    array name -> set. extraction: how the images were described, `image_size`, `scales` and so on. whitening: that of
    the rows and of everything that is compared with them. teacher: `key`, and the sha256 of the network and of the
    whitening.

    Raises ValueError for a folder of other lists than those in `processed`, and for a folder without a whitening.
    """

    def __init__(self, folder: Path, processed: Path, ground_truth: Path, sets: dict):
        self.described = DescriptorFolder(folder)
        self.extraction = self.described.extraction
        self.lists = Lists(processed, ground_truth, sets, [self.described])
        self.images = testing_lists(processed, **sets)
        databases = [name for name in self.images if name.endswith(".database")]
        self.parts = {name: name.removesuffix(".database") for name in databases}
        self.whitening = database_whitening(self.described)
        digests = {"sha256": self.described.network["sha256"], "whitening": self.described.whitening}
        self.teacher = {"key": folder.name, **digests}

    def chosen(self, sets: list[str] | None) -> dict[str, str]:
        """Return those of `parts` that belong to `sets`; None means all. Raises ValueError for a set without a
        database, and for an empty list."""
        accepted = list(self.parts.values())
        if sets is not None and (not sets or set(sets) - set(accepted)):
            raise ValueError(
                f"params.yaml: index.sets is {sets}; accepted: any of {', '.join(accepted)}, which are grid.test_sets "
                "and grid.distractors, or nothing for all"
            )
        return {array: name for array, name in self.parts.items() if sets is None or name in sets}

    def rows(self, parts: Iterable[str]) -> np.ndarray:
        """Return the whitened descriptors of some of `parts`, one after the other, (N, D) float32."""
        return np.concatenate([self.described[name] for name in parts], dtype=np.float32)

    def queries(self) -> dict[str, np.ndarray]:
        """Return the teacher's own whitened descriptors of each test set's queries, (Q, D) float32; {} where there
        are only vectors of databases."""
        if not describes_queries(self.described):
            return {}
        return {
            name: whiten_queries(self.described[f"{name}.queries"], self.whitening) for name in self.lists.test_sets
        }

    def mean_precisions(self, queries: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
        """Return the mAP in percent of whitened queries (Q, D) by test set, for each level, without and with
        distractors: {"<set>" or "<set>+<distractors>": {level: mAP}}."""
        found, array = {}, self.lists.distractors
        distractors = self.described[array] if array in self.parts else None
        for name, of_set in queries.items():
            database, labels = self.described[f"{name}.database"], self.lists.ground_truth[name]
            titles = name, f"{name}+{self.parts.get(array)}"
            for title, levels in zip(titles, evaluate(of_set, database, labels, distractors), strict=True):
                if levels is not None:
                    found[title] = {level: round(100 * values["mAP"], 2) for level, values in levels.items()}
        return found
