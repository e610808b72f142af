"""The stage on hand-made sets and random descriptors: what its record says of the images."""

import json
import shutil

import numpy as np
import pytest

from aml.datasets.sfm import cid_path
from aml.evaluation.chance import average_precision
from aml.evaluation.expansion import expand
from aml.evaluation.per_query import read_average_precisions
from aml.evaluation.ranking import evaluate as ranked
from aml.evaluation.whitening import whiten_queries
from aml.files.descriptors import DescriptorFolder
from aml.files.image_sets import read_ground_truth
from aml.params.expansion import Neighbours
from stages.evaluate import main, percentages
from tests.datasets.raw_folders import (
    image,
    pack,
    pack_distractors,
    pack_training_set,
    write_archive,
    write_pickle,
)
from tests.stages.packed_sets import NO_EXPANSION, labels_of, write_sets
from tests.stages.random_descriptors import describe, random_whitening

CIDS = [f"{number:032x}"[::-1] for number in range(1, 9)]
EXPANSION = {"query": {"neighbours": 2, "alpha": 3.0}, "database": {"neighbours": 1, "alpha": None}}
SETS = {"train_set": "train", "test_sets": ["test"], "distractors": "crowd"}


def run(folder, expansion=NO_EXPANSION, **names) -> dict:
    """The record of a network."""
    values = {"grid": SETS | {"loss_without_teacher": "contr"}, "expansion": expansion}
    inputs = folder / "descriptors", folder / "processed", labels_of(folder / "processed")
    main(*inputs, folder / "metrics", folder / "queries", values, **names)
    return json.loads((folder / f"metrics/{names['key']}.json").read_text())


@pytest.fixture
def folder(tmp_path):
    """A training set of 8 images, a test set of 3 with one query, and two archives of two distractors, the last bad."""
    raw = tmp_path / "raw"
    write_archive(raw / "ims.tar.gz", {cid_path(cid): image(n) for n, cid in enumerate(CIDS)})
    half = {"cids": CIDS[:4], "cluster": [0, 0, 1, 1], "qidxs": [0], "pidxs": [1]}
    write_pickle(raw / "train.pkl", {"train": half, "val": half | {"cids": CIDS[4:]}})
    write_pickle(raw / "train-whiten.pkl", {"cids": CIDS, "qidxs": [0, 2, 4, 6], "pidxs": [1, 3, 5, 7]})
    pack_training_set(tmp_path, "train")
    write_archive(raw / "test.tgz", {f"{name}.jpg": image(n) for n, name in enumerate("abcq")})
    gnd = [{"bbx": [0, 0, 9, 9], "easy": [0], "hard": [1], "junk": [], "ok": [0]}]
    write_pickle(raw / "gnd_test.pkl", {"imlist": list("abc"), "qimlist": ["q"], "gnd": gnd})
    pack(tmp_path, "test", "revisited", ["gnd_test.pkl", "test.tgz"])
    write_archive(raw / "revisitop1m.1.tar.gz", {"1.jpg": image(10), "2.jpg": image(11)})
    write_archive(raw / "revisitop1m.2.tar.gz", {"3.jpg": image(12), "4.jpg": image(13, (64, 48))[:700]})
    (raw / "crowd.txt").write_text("1.jpg\n2.jpg\n3.jpg\n4.jpg\n")
    return tmp_path


@pytest.mark.parametrize(
    ("num_archives", "on_bad_image", "num_distractors", "num_excluded", "num_filled"),
    [(2, "exclude", 3, 1, 0), (2, "fill", 4, 0, 1), (1, "exclude", 2, 0, 0), (0, "exclude", 0, 0, 0)],
)
def test_used_and_damaged_images_are_counted(
    folder, num_archives, on_bad_image, num_distractors, num_excluded, num_filled
):
    pack_distractors(folder, num_archives, 2, name="crowd", expected=4, on_bad_image=on_bad_image)
    describe(folder / "descriptors/x", folder / "processed", seed=0, distractors="crowd")
    record = run(folder, key="x", network="x")
    assert record["evaluation"]["num_excluded"] == {"train": 0, "test": 0, "crowd": num_excluded}
    assert record["evaluation"]["num_filled"] == {"train": 0, "test": 0, "crowd": num_filled}
    assert record["evaluation"]["odd"] == {"test": {"unknown keys in the ground truth": 1}}
    counts = record["evaluation"]["sets"]["test"]
    assert (counts["num_distractors"], counts["num_landmarks"]) == (num_distractors, 1)
    names = ["test", "test+crowd"] if num_archives else ["test"]
    assert list(record["chance"]) == list(record["symmetric"]) == names
    for name, num_images in zip(names, (3, 3 + num_distractors), strict=False):
        expected = average_precision(2, num_images)  # Medium: easy and hard
        assert record["chance"][name]["medium"]["mAP"] == pytest.approx(100 * expected, abs=0.006)
    queries = read_average_precisions(folder / "queries/x.csv")
    for (protocol, name, level), found in queries.items():
        assert {query: round(value, 2) for query, value in found.items()} == {"q": record[protocol][name][level]["mAP"]}
    assert {(name, level) for _, name, level in queries} == {
        (name, level) for name, levels in record["symmetric"].items() for level in levels
    }


@pytest.fixture
def described(tmp_path):
    """A folder with the random descriptors of the networks x and y."""
    processed = write_sets(tmp_path / "processed")
    for seed, key in enumerate("xy"):
        describe(tmp_path / "descriptors" / key, processed, seed=seed, distractors="crowd")
    return tmp_path


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
    path = described / "descriptors/y/provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    with pytest.raises(ValueError, match=message):
        run(described, key="y", **STUDENT)
