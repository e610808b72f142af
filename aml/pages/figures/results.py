"""The scores that figures show: Medium mAP, mean over the test sets."""

import dataclasses
import math
import statistics

from aml.params.grid import key_of
from aml.params.reports import Named, Network, TableSettings, Teacher
from aml.tables.records import any_record, check_records, missing_records, score

PROTOCOLS = ("symmetric", "asymmetric")
LEVEL, METRIC = "medium", "mAP"
SCORE = "Medium mAP (%)"


class Results:
    """The networks of a grid and their metrics records, both by key. Raises ValueError as `check_records` does."""

    def __init__(self, settings: TableSettings, records: dict[str, dict]):
        self.settings, self.records = settings, records
        self.networks = {network.key: network for network in settings.networks()}
        check_records(records, self.networks.values(), [test_set.key for test_set in settings.test_sets])

    def of_test_set(self, test_set: Named) -> "Results":
        """Return the same networks' results on one test set only."""
        return Results(dataclasses.replace(self.settings, test_sets=(test_set,)), self.records)

    def distilled(self, student: Named, teacher: Teacher) -> list[Network]:
        """Return a pair's networks, one for each loss."""
        return [self.networks[key_of(student.key, teacher.key, loss.key)] for loss in self.settings.losses]

    def pairs(self) -> list[tuple[Named, Teacher]]:
        return [(student, teacher) for student in self.settings.students for teacher in self.settings.teachers]

    def mean_map(self, network: Network | None, protocol: str, *, with_distractors: bool = False) -> float:
        """Return the mean over test sets and seeds, in percent. It is nan, which has no mark, if there is no network,
        record or asymmetric test, no query with a positive, or no distractors."""
        return statistics.fmean(self._of_seeds(network, protocol, with_distractors))

    def deviation(self, network: Network, protocol: str) -> float | None:
        """Return the standard deviation of the mean over test sets; None with fewer than two seeds."""
        found = self._of_seeds(network, protocol, with_distractors=False)
        return statistics.stdev(found) if len(found) > 1 else None

    def chance(self) -> float:
        """Return what a random ranking gives, mean over test sets; nan without any record."""
        return self._over_sets(any_record(self.records, self.networks.values()), "chance", with_distractors=False)

    def _of_seeds(self, network: Network | None, protocol: str, with_distractors: bool) -> list[float]:
        """Return the mean over test sets of each seed; only nan if one lacks it."""
        records = [self.records.get(key) for key in (network.record_keys if network else ())]
        found = [self._over_sets(record, protocol, with_distractors) for record in records]
        return [math.nan] if not found or any(map(math.isnan, found)) else found

    def _over_sets(self, record: dict | None, section: str, with_distractors: bool) -> float:
        if record is None or section not in record:
            return math.nan
        names, key = [test_set.key for test_set in self.settings.test_sets], record["network"]["key"]
        if with_distractors:
            added = self.settings.distractors
            names = [f"{name}+{added.key}" for name in names if added and f"{name}+{added.key}" in record[section]]
        found = [score(record, key, section=section, name=name, level=LEVEL, metric=METRIC) for name in names]
        present = [value for value in found if value is not None]
        return statistics.fmean(present) if present else math.nan

    @property
    def note(self) -> str:
        """The sentence of a caption on networks without a record; "" if every network has one."""
        missing = missing_records(self.records, self.networks.values())
        return f"No record, so no mark: {', '.join(missing)}." if missing else ""

    @property
    def measure(self) -> str:
        """What `mean_map` measures, for a caption."""
        labels = [test_set.label for test_set in self.settings.test_sets]
        seeds = f", mean over seeds {', '.join(map(str, self.settings.seeds))}" if self.settings.several_seeds else ""
        sets = f" on {labels[0]}" if len(labels) == 1 else f", mean over {' and '.join(labels)}"
        return f"Medium mAP{sets}{seeds}"
