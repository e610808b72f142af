"""The stage on hand-made sets and random descriptors: what its record says of the images."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from aml.evaluation.chance import average_precision
from aml.evaluation.expansion import expand
from aml.evaluation.per_query import read_average_precisions
from aml.evaluation.ranking import evaluate as ranked
from aml.evaluation.whitening import whiten_queries
from aml.files.descriptors import DescriptorFolder
from aml.files.image_sets import COLUMNS, read_ground_truth
from aml.params.expansion import Neighbours
from stages.evaluate import main, percentages
from tests.stages.packed_sets import (
    NO_EXPANSION,
    NUM_DISTRACTORS,
    VALUES,
    describe,
    labels_of,
    random_whitening,
    write_sets,
)

EXPANSION = {"query": {"neighbours": 2, "alpha": 3.0}, "database": {"neighbours": 1, "alpha": None}}


def run(folder, expansion=NO_EXPANSION, **names) -> dict:
    """The record of a network."""
    values = VALUES | {"expansion": expansion}
    inputs = folder / "descriptors", folder / "processed", labels_of(folder / "processed")
    main(*inputs, folder / "metrics", folder / "queries", values, **names)
    return json.loads((folder / f"metrics/{names['key']}.json").read_text())


def edit(path: Path, **changed) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


@pytest.fixture
def described(tmp_path):
    """A folder with the random descriptors of the networks x and y."""
    processed = write_sets(tmp_path / "processed")
    for seed, key in enumerate("xy"):
        describe(tmp_path / "descriptors" / key, processed, seed=seed)
    return tmp_path


@pytest.mark.parametrize("num_distractors", [NUM_DISTRACTORS, 0])
def test_used_and_damaged_images_are_counted(described, num_distractors):
    processed = described / "processed"
    if not num_distractors:
        (processed / "crowd/images.csv").write_text(",".join(COLUMNS) + "\n")
    describe(described / "descriptors/z", processed, seed=0)
    edit(processed / "crowd/report.json", excluded={"a": "bad", "b": "bad"}, filled={"c": "bad"})
    edit(labels_of(processed) / "test.json", unknown_keys={"ok": 1})
    record = run(described, key="z", network="z")
    assert record["evaluation"]["num_excluded"] == {"train": 0, "test": 0, "crowd": 2}
    assert record["evaluation"]["num_filled"] == {"train": 0, "test": 0, "crowd": 1}
    assert record["evaluation"]["odd"] == {"test": {"unknown keys in the ground truth": 1}}
    counts = record["evaluation"]["sets"]["test"]
    assert (counts["num_distractors"], counts["num_landmarks"]) == (num_distractors, 2)
    names = ["test", "test+crowd"] if num_distractors else ["test"]
    assert list(record["chance"]) == list(record["symmetric"]) == names
    for name, others in zip(names, (0, num_distractors), strict=False):
        expected = [average_precision(3, size + others) for size in (8, 9)]  # Medium; the first query has a junk image
        assert record["chance"][name]["medium"]["mAP"] == pytest.approx(100 * np.mean(expected), abs=0.006)
    queries = read_average_precisions(described / "queries/z.csv")
    for (protocol, name, level), found in queries.items():
        assert round(np.mean(list(found.values())), 2) == record[protocol][name][level]["mAP"]
    assert {(name, level) for _, name, level in queries} == {
        (name, level) for name, levels in record["symmetric"].items() for level in levels
    }


STUDENT = {"network": "student", "teacher": "x", "loss": "reg", "seed": 3}


def test_a_student_that_copies_its_teacher_gets_its_result_to_the_last_digit(described):
    record = run(described, key="x", network="x")
    shutil.copytree(described / "descriptors/x", described / "descriptors/copy")
    again = run(described, key="copy", **STUDENT)
    names = ("key", "network", "teacher", "loss", "seed")
    assert [again["network"][name] for name in names] == ["copy", "student", "x", "reg", 3]
    assert [record["network"][name] for name in names] == ["x", "x", None, "contr", None]
    assert again["asymmetric"] == again["symmetric"] == record["symmetric"]


def test_database_distractors_and_whitening_are_one_side_s_and_expansions_are_further_entries(described):
    plain, found = (run(described, expansion, key="y", **STUDENT) for expansion in (NO_EXPANSION, EXPANSION))
    assert found["evaluation"].pop("expansion") == {"mAP+QE": EXPANSION["query"], "mAP+DBA": EXPANSION["database"]}
    whitenings = plain["evaluation"]["learned_whitening"]
    assert [whitenings[protocol]["condition_number"] for protocol in ("symmetric", "asymmetric")] == [2.0, 1.0]
    rows = {key: DescriptorFolder(described / "descriptors" / key) for key in "xy"}
    truth = read_ground_truth(labels_of(described / "processed") / "test.json")
    for protocol, key, seed in (("symmetric", "y", 1), ("asymmetric", "x", 0)):
        asked = whiten_queries(rows["y"]["test.queries"], random_whitening(seed))
        for name, parts in {"test": ["test"], "test+crowd": ["test", "crowd"]}.items():
            images = np.concatenate([rows[key][f"{part}.database"] for part in parts])
            assert plain[protocol][name] == percentages(ranked(asked, images, truth)[0])
            by_query = expand(asked, images, Neighbours(2, 3.0))
            by_image = expand(images, images, Neighbours(1, None), among_themselves=True)
            for level, values in found[protocol][name].items():
                expected = {"mAP+QE": ranked(by_query, images, truth), "mAP+DBA": ranked(asked, by_image, truth)}
                for measure, (scores, _) in expected.items():
                    assert values.pop(measure) == round(100 * scores[level]["mAP"], 2)
    assert found == plain and plain["symmetric"] != plain["asymmetric"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"extraction": {"image_size": 33}}, "differ in extraction"),
        ({"network": {"dimension": 7}}, "a student is tested against the teacher whose dimension it has"),
    ],
)
def test_folders_that_do_not_belong_together_are_refused(described, changed, message):
    edit(described / "descriptors/y/provenance.json", **changed)
    with pytest.raises(ValueError, match=message):
        run(described, key="y", **STUDENT)
