"""The two protocols on descriptor folders: which side gives the queries, the database, the distractors and the
whitening."""

import json

import pytest

from aml.evaluation.protocol import Lists
from aml.evaluation.ranking import evaluate
from aml.evaluation.whitening import whiten_queries
from aml.files.descriptors import DescriptorFolder
from aml.files.whitening import database_whitening
from aml.params.expansion import ExpansionSettings
from tests.stages.packed_sets import LABELS, labels_of, write_sets
from tests.stages.random_descriptors import describe, random_whitening

SETS = {"train_set": "train", "test_sets": ["test"], "distractors": "crowd"}
SEEDS = {"student": 0, "teacher": 1}
NO_EXPANSION = ExpansionSettings(query=None, database=None)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """The lists, and by role the descriptor folder and its rows by name."""
    folder = tmp_path_factory.mktemp("protocol")
    processed = write_sets(folder / "processed")
    rows = {role: describe(folder / role, processed, seed=seed, distractors="crowd") for role, seed in SEEDS.items()}
    folders = {role: DescriptorFolder(folder / role) for role in rows}
    return Lists(processed, labels_of(processed), SETS, folders.values()), folders, rows


def average_precisions(results: dict) -> dict:
    return {
        (name, level): of_level["AP"].tolist() for name, levels in results.items() for level, of_level in levels.items()
    }


def expected(rows: dict, *, database: str, distractors: str, whitening: str) -> dict:
    """By set and level, each query of the student's against what the named roles give."""
    without, with_distractors = evaluate(
        whiten_queries(rows["student"]["test.queries"], random_whitening(SEEDS[whitening])),
        rows[database]["test.database"],
        LABELS,
        rows[distractors]["crowd.database"],
    )
    return average_precisions({"test": without, "test+crowd": with_distractors})


@pytest.mark.parametrize("protocol, database", [("symmetric", "student"), ("asymmetric", "teacher")])
def test_database_distractors_and_whitening_come_from_one_side(case, protocol, database):
    lists, folders, rows = case
    whitening = database_whitening(folders[database])
    found = average_precisions(lists.evaluate(folders["student"], folders[database], whitening, NO_EXPANSION))
    sides = {"database": database, "distractors": database, "whitening": database}
    assert found == expected(rows, **sides)
    other = "teacher" if database == "student" else "student"
    for role in sides:  # the case tells the sides apart
        assert found != expected(rows, **sides | {role: other}), role


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"extraction": {"image_size": 33}}, "differ in extraction"),
        ({"network": {"dimension": 7}}, "a student is tested against the teacher whose dimension it has"),
    ],
)
def test_folders_that_do_not_belong_together_are_refused(tmp_path, changed, message):
    processed = write_sets(tmp_path / "processed")
    for name in ("a", "b"):
        describe(tmp_path / name, processed, seed=0, distractors="crowd")
    path = tmp_path / "b/provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    with pytest.raises(ValueError, match=message):
        Lists(processed, labels_of(processed), SETS, [DescriptorFolder(tmp_path / name) for name in "ab"])
