"""A network that owns its whitening hands it on to its descriptors, and evaluation takes the database side's."""

import json
from pathlib import Path

import numpy as np
import pytest

from aml.evaluation.ranking import evaluate as ranked
from aml.evaluation.whitening import learn
from aml.files.evaluated_lists import testing_lists as lists_of_testing
from aml.files.whitening import owned_whitening, read_whitening, write_whitening
from stages import evaluate, extract, targets
from tests.evaluation.test_whitening import scatter_of
from tests.stages.packed_sets import GRID, LABELS, labels_of, write_sets
from tests.stages.random_descriptors import D, describe, random_whitening
from tests.stages.shared_work import RUNTIME

VALUES = {
    "grid": GRID,
    "extract": {
        "image_size": 32,
        "scales": [1.0, 0.5],
        "batch_size": 4,
        "precision": "float32",
        "distractor_dtype": "float16",
    },
    "targets": {"image_size": 32, "batch_size": 4, "precision": "float32"},
    "runtime": RUNTIME,
    "whitening": {"shrinkage": 0},
}

SETS = {"train_set": "train", "test_sets": ["test"], "distractors": None}


@pytest.fixture(scope="module")
def processed(tmp_path_factory) -> Path:
    return write_sets(tmp_path_factory.mktemp("own") / "processed")


def expected(queries: dict, database: dict, whiten) -> dict:
    alone, _ = ranked(queries["test.queries"], database["test.database"], LABELS, whiten=whiten)
    return {level: round(100 * values["mAP"], 2) for level, values in alone.items()}


def applied(mean: np.ndarray, projection: np.ndarray):
    def whiten(rows):
        columns = projection @ (np.asarray(rows, np.float64).T - mean[:, None])
        return (columns / (np.linalg.norm(columns, axis=0) + 1e-6)).T.astype(np.float32)

    return whiten


def measured(record: Path, protocol: str) -> dict:
    return {level: values["mAP"] for level, values in json.loads(record.read_text())[protocol]["test"].items()}


def how_learned(record: Path) -> dict:
    return json.loads(record.read_text())["evaluation"]["learned_whitening"]


def evaluated(folder: Path, processed: Path) -> Path:
    """The record of the student in `folder`, tested against its teacher there."""
    names = {"key": "student-teacher-reg-0", "network": "student", "teacher": "teacher", "loss": "reg", "seed": 0}
    evaluate.main(folder, processed, labels_of(processed), folder / "metrics", folder / "queries", VALUES, **names)
    return folder / "metrics/student-teacher-reg-0.json"


def test_the_database_side_s_own_whitening_serves_both_sides(processed, tmp_path):
    ours, theirs = random_whitening(1), random_whitening(2)
    student = describe(tmp_path / "student-teacher-reg-0", processed, seed=1, whitening=ours)
    teacher = describe(tmp_path / "teacher", processed, seed=2, whitening=theirs)
    record = evaluated(tmp_path, processed)
    assert measured(record, "symmetric") == expected(student, student, applied(*ours))
    assert measured(record, "asymmetric") == expected(student, teacher, applied(*theirs))
    for other in (applied(*ours), applied(theirs[0], theirs[1].T)):  # the test tells them apart
        assert measured(record, "asymmetric") != expected(student, teacher, other)


def test_a_student_may_learn_what_its_teacher_owns(processed, tmp_path):
    theirs = random_whitening(2)
    student = describe(tmp_path / "student-teacher-reg-0", processed, seed=1)
    teacher = describe(tmp_path / "teacher", processed, seed=2, whitening=theirs)
    record = evaluated(tmp_path, processed)
    pairs = lists_of_testing(processed, **SETS)[1]
    learned = learn(student["train.whitening"], *pairs)
    assert measured(record, "symmetric") == expected(student, student, learned.apply)
    assert measured(record, "asymmetric") == expected(student, teacher, applied(*theirs))
    scatter = scatter_of(student["train.whitening"], *pairs)
    condition = float(f"{np.linalg.cond(scatter):.2g}")
    assert how_learned(record) == {
        "symmetric": {"regularisation": 0.0, "condition_number": condition},
        "asymmetric": None,
    }


def test_the_record_says_what_a_singular_matrix_got(processed, tmp_path):
    """The teacher's descriptors of the whitening images lack a component: the asymmetric whitening is regularised."""
    student = describe(tmp_path / "student-teacher-reg-0", processed, seed=1)
    teacher = describe(tmp_path / "teacher", processed, seed=2, flat=True)
    record, lists = evaluated(tmp_path, processed), lists_of_testing(processed, **SETS)
    assert how_learned(record)["symmetric"]["regularisation"] == 0
    scatter = scatter_of(teacher["train.whitening"], *lists[1])
    assert how_learned(record)["asymmetric"] == {
        "regularisation": 1e-10,
        "condition_number": float(f"{np.linalg.cond(scatter + 1e-10 * np.eye(D)):.2g}"),
    }
    learned = learn(teacher["train.whitening"], *lists[1])
    assert measured(record, "asymmetric") == expected(student, teacher, learned.apply)


def test_without_a_training_set_every_database_side_needs_its_own(processed, tmp_path):
    values = VALUES | {"grid": GRID | {"train_set": None}}
    rows = describe(tmp_path / "own", processed, seed=1, whitening=random_whitening(1))
    folders = tmp_path, processed, labels_of(processed), tmp_path / "metrics", tmp_path / "queries"
    evaluate.main(*folders, values, key="own", network="own")
    assert measured(tmp_path / "metrics/own.json", "symmetric") == expected(rows, rows, applied(*random_whitening(1)))
    describe(tmp_path / "none", processed, seed=1)
    with pytest.raises(ValueError, match=r"none owns no whitening, and grid\.train_set is empty"):
        evaluate.main(*folders, values, key="none", network="none")


def test_extraction_hands_the_whitening_on_and_leaves_its_images_out(processed, tmp_path):
    from aml.networks.network import RetrievalNetwork
    from aml.networks.stored import save_network

    network = RetrievalNetwork(backbone="lite0", stages=1, frozen_stages=0, projection=D, gem_p=3.0)
    normalisation = {"mean": [0.5] * 3, "std": [0.5] * 3}
    for name in ("learns", "owns"):
        save_network(tmp_path / name, network, normalisation=normalisation, record={})
    write_whitening(tmp_path / "owns", *random_whitening(1))
    described = {}
    for name in ("learns", "owns"):
        extract.main(tmp_path / name, processed, tmp_path / f"{name}-described", VALUES)
        described[name] = evaluate.DescriptorFolder(tmp_path / f"{name}-described")
    targets.main(tmp_path / "owns", processed / "train", tmp_path / "targets", VALUES)
    assert set(evaluate.DescriptorFolder(tmp_path / "targets").arrays) == {"images"}
    assert set(described["learns"].arrays) == {"test.queries", "test.database", "train.whitening"}
    assert set(described["owns"].arrays) == {"test.queries", "test.database"}
    np.testing.assert_array_equal(described["owns"]["test.queries"], described["learns"]["test.queries"])
    assert read_whitening(tmp_path / "learns-described") is None
    for array, original in zip(owned_whitening(described["owns"]), random_whitening(1), strict=True):
        np.testing.assert_array_equal(array, original)
