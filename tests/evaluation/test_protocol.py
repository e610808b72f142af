"""The two protocols on descriptor folders: which side gives the queries, the database, the distractors and the
whitening."""

import pytest

from aml.evaluation.protocol import Lists
from aml.evaluation.ranking import evaluate
from aml.evaluation.whitening import learn
from aml.files.descriptors import DescriptorFolder
from aml.files.evaluated_lists import testing_lists as lists_of_testing
from tests.stages.packed_sets import LABELS, labels_of, write_sets
from tests.stages.random_descriptors import describe

SETS = {"train_set": "train", "test_sets": ["test"], "distractors": "crowd"}


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """The lists, the whitening pairs, and by role the descriptor folder and its rows by name."""
    folder = tmp_path_factory.mktemp("protocol")
    processed = write_sets(folder / "processed")
    rows = {
        role: describe(folder / role, processed, seed=seed, distractors="crowd")
        for seed, role in enumerate(("student", "teacher"))
    }
    folders = {role: DescriptorFolder(folder / role) for role in rows}
    return Lists(processed, labels_of(processed), SETS), lists_of_testing(processed, **SETS)[1], folders, rows


def average_precisions(results: dict) -> dict:
    return {
        (name, level): of_level["AP"].tolist() for name, levels in results.items() for level, of_level in levels.items()
    }


def expected(rows: dict, pairs, *, database: str, distractors: str, whitening: str) -> dict:
    """By set and level, each query of the student's against what the named roles give."""
    whiten = learn(rows[whitening]["train.whitening"], *pairs).apply
    without, with_distractors = evaluate(
        rows["student"]["test.queries"],
        rows[database]["test.database"],
        LABELS,
        distractors=[rows[distractors]["crowd.database"]],
        whiten=whiten,
    )
    return average_precisions({"test": without, "test+crowd": with_distractors})


@pytest.mark.parametrize("protocol, database", [("symmetric", "student"), ("asymmetric", "teacher")])
def test_database_distractors_and_whitening_come_from_one_side(case, protocol, database):
    lists, pairs, folders, rows = case
    whitening = lists.whitening(folders[database], 0)
    found = average_precisions(lists.evaluate(folders["student"], folders[database], whitening))
    sides = {"database": database, "distractors": database, "whitening": database}
    assert found == expected(rows, pairs, **sides)
    other = "teacher" if database == "student" else "student"
    for role in sides:  # the case tells the sides apart
        assert found != expected(rows, pairs, **sides | {role: other}), role
