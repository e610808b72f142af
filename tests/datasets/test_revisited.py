"""Test sets in the layout of ROxford5k and RParis6k, also such as users make: what is accepted, counted, refused."""

import unicodedata

import numpy as np
import pytest

from aml.files.atomic import read_json
from aml.files.image_sets import read_ground_truth, read_images, read_queries
from tests import contents
from tests.datasets.raw_folders import GND, image, report, run_revisited

LABELS = "ground_truth/mini.json"
Q_0, DB_2 = image(3, file_format="PNG"), image(2, (20, 50), file_format="WEBP")


@pytest.fixture
def files():
    return {
        "one.tgz": {"paris/b/db_1.jpg": image(1), "paris/a/db_0.JPG": image(0), "._db_1.jpg": b"what a Mac adds"},
        "two.tgz": {"q_0.png": Q_0, "deep/er/q_1.jpeg": image(4), "db_2.webp": DB_2, "x.jpg": b"bad", "readme": b"1"},
    }


def odd_labels(tmp_path):
    return tuple(read_json(tmp_path / LABELS)[key] for key in ("queries_without_positives", "unknown_keys"))


def test_a_test_set(tmp_path, files):
    folder = run_revisited(tmp_path, files, expected={"queries": 2, "database": 3, "images": 6})
    database, queries = read_images(folder), read_queries(folder)
    assert database.names == ["db_0", "db_1", "db_2"] and queries.names == ["q_1", "q_0"]
    assert [database.read(row) for row in range(3)] == [image(0), image(1), DB_2]
    assert [queries.read(row) for row in range(2)] == [image(4), Q_0]
    assert database.sizes.tolist() == [[40, 30], [40, 30], [20, 50]]
    assert queries.boxes.tolist() == [query["bbx"] for query in GND]
    ground_truth = read_ground_truth(tmp_path / LABELS)
    assert [{k: v.tolist() for k, v in query.items()} for query in ground_truth] == [
        {k: v for k, v in query.items() if k != "bbx"} for query in GND
    ]
    assert report(folder) == {
        "kind": "test", "queries": 2, "database": 3, "queries_in_database": 0, "queries_listed_again": 0,
        "boxes_over_the_border": ["q_0"],
        "archives": {"one.tgz": 2, "two.tgz": 3}, "modes": {"RGB": 5}, "exif_rotated": 0,
        "unlisted_files": 3, "repeated_files": 0, "excluded": {}, "filled": {},
    }  # fmt: skip


def test_numpy_boxes_and_labels_are_read_and_the_list_s_order_is_kept(tmp_path, files):
    gnd = [{key: np.array(value) for key, value in query.items()} for query in GND]
    gnd[1] |= {"easy": np.zeros(0, dtype=np.int64), "bbx": [np.float32(x) for x in GND[1]["bbx"]]}
    gnd[0]["junk"] = []
    folder = run_revisited(tmp_path, files, gnd, imlist=["db_1", "db_2", "db_0"])
    assert read_queries(folder).boxes.tolist() == [query["bbx"] for query in GND]
    assert read_images(folder).names == ["db_1", "db_2", "db_0"]


def test_images_must_be_good_and_one_that_repeats_must_repeat_exactly(tmp_path, files):
    one, two = files.values()
    two["again/db_1.jpg"] = image(1)
    assert report(run_revisited(tmp_path / "a", files))["repeated_files"] == 1
    two["again/db_1.jpg"] = image(9)
    with pytest.raises(ValueError, match=r"two.tgz, 'again/db_1.jpg': image 'db_1' came before with other bytes"):
        run_revisited(tmp_path, files)
    del two["again/db_1.jpg"]
    one["paris/a/db_0.JPG"] = image(0)[:100]
    with pytest.raises(ValueError, match=r"1 of 5 images in .* cannot be used: 'db_0' \(1 in all\)"):
        run_revisited(tmp_path, files)
    assert not (tmp_path / "processed/mini").exists() and not (tmp_path / LABELS).exists()


@pytest.mark.parametrize(
    ("query", "changed", "message"),
    [
        ({"bbx": None}, {}, "query 'q_0' has no box"),
        ({"bbx": [1, 2, 3]}, {}, "query 'q_0': 'bbx' is not a list of four numbers"),
        ({"bbx": ["1", 2, 3, 4]}, {}, "'bbx' is not a list of four numbers"),
        ({"bbx": [1, 2, 3, 10**400]}, {}, "'bbx' holds a number beyond all images"),
        ({"bbx": [1, 2, 3, float("nan")]}, {}, "'q_0': box .* four finite numbers"),
        ({"bbx": [9, 2, 3, 8]}, {}, "'q_0': box .* is empty"),
        ({"bbx": [40, 2, 60, 8]}, {}, "'q_0': box .* lies outside its image of 40 x 30 pixels"),
        ({"bbx": [0, 0, 40, 61]}, {}, "'q_0': box .* is more than twice its image of 40 x 30"),
        ({"easy": [3]}, {}, "query 'q_0', easy: 3 is out of range, accepted are 0 to 2"),
        ({"easy": [0]}, {}, r"gnd_mini.pkl, query .q_0., rows: 0 is listed twice"),
        ({"hard": "1"}, {}, "query 'q_0', hard: a list of whole numbers"),
        ({"junk": ...}, {}, "query 'q_0': no 'junk'; expected are easy, hard, junk"),
        ({}, {"gnd": [GND[0], 7]}, "query 'q_0' has no box"),
        ({}, {"gnd": GND[:1]}, "2 qimlist but 1 gnd"),
        ({}, {"gnd": {}}, "gnd: a list with one entry a query is expected, found a dict"),
        ({}, {"gnd": [query | {"easy": [], "hard": []} for query in GND]}, "no query has a positive, easy or hard"),
        ({}, {"gnd": [GND[0]] * 3, "qimlist": ["q_1", "q_1", "q_1 (2)"]}, r"qimlist: 'q_1 \(2\)' is listed twice"),
        ({}, {"imlist": []}, "2 queries, 0 database images; at least one"),
        ({}, {"imlist": ["db_0", "db_1", "db_1.jpg"]}, "gnd_mini.pkl, imlist: 'db_1' is listed twice"),
        ({}, {"imlist": ["db_0", "", "db_2"]}, r"gnd_mini.pkl, imlist: name 1 \(from 0\) is empty"),
        ({}, {"expected": {"database": 4993}}, "gnd_mini.pkl: 3 database, expected are 4993"),
        ({}, {"expected": {"images": 7}}, r"one.tgz, .*two.tgz: 6 images, expected are 7"),
    ],
)
def test_broken_lists_are_refused(tmp_path, files, query, changed, message):
    """`query`: what differs of the second; ... is left out."""
    second = {key: value for key, value in (GND[1] | query).items() if value is not ...}
    with pytest.raises(ValueError, match=message):
        run_revisited(tmp_path, files, **{"gnd": [GND[0], second]} | changed)


def test_what_is_odd_is_counted(tmp_path, files):
    """An image that is two queries by two boxes, one that is in the database, one without positives, unknown keys."""
    twice = GND[0] | {"bbx": [1, 1, 9, 9], "easy": [], "hard": [], "ok": [1], 7: 7}
    changed = {"qimlist": ["q_1", "db_1", "q_1"], "gnd": [*GND, twice], "note": "mine"}
    folder = run_revisited(tmp_path, files, **changed)
    queries = read_queries(folder)
    assert queries.names == ["q_1", "db_1", "q_1 (2)"] and queries.read(0) == queries.read(2) == image(4)
    assert queries.boxes.tolist() == [GND[0]["bbx"], GND[1]["bbx"], [1, 1, 9, 9]]
    odd = report(folder)
    assert (odd["queries"], odd["queries_in_database"], odd["queries_listed_again"]) == (3, 1, 1)
    assert odd_labels(tmp_path) == (["q_1 (2)"], {"'note'": 1, "'ok'": 1, "7": 1})
    assert len(read_ground_truth(tmp_path / LABELS)) == 3


def test_a_corrected_label_changes_the_labels_alone(tmp_path, files):
    """Unknown keys and queries without positives too: what descriptors depend on is as it was."""
    before = contents(run_revisited(tmp_path, files))
    corrected = [GND[0] | {"easy": [], "hard": [], "junk": [1], "remark": "none left"}, GND[1] | {"junk": []}]
    assert contents(run_revisited(tmp_path, files, corrected)) == before
    assert odd_labels(tmp_path) == (["q_1"], {"'remark'": 1})


def test_names_with_extensions_and_folders(tmp_path, files):
    """Folders as in the archive, or such as the archive lacks, or such as tell images apart."""
    for imlist, qimlist in (
        (["db_0.jpg", "db_1.JPG", "db_2.png"], ["q_1", "q_0"]),
        (["paris/a/db_0", "b/db_1.jpg", "any/db_2"], ["er/q_1.jpeg", "q_0"]),
    ):
        folder = run_revisited(tmp_path, files, imlist=imlist, qimlist=qimlist)
        images = read_images(folder)
        assert [images.read(row) for row in range(3)] == [image(0), image(1), DB_2]
        assert read_queries(folder).read(0) == image(4)
    files = {"one.tgz": {"set/a/0.jpg": image(0), "set/b/0.jpg": image(1), "a/q.jpg": image(2)}}
    images = read_images(run_revisited(tmp_path, files, GND[:1], imlist=["a/0", "b/0", "q"], qimlist=["q"]))
    assert images.names == ["a/0", "b/0", "q"] and [images.read(row) for row in range(2)] == [image(0), image(1)]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_both_forms_of_unicode(tmp_path, files, form):
    names = [unicodedata.normalize(form, name) for name in ("Zürich_Münster", "파리")]
    other = [unicodedata.normalize("NFD" if form == "NFC" else "NFC", name) for name in names]
    files["two.tgz"] |= dict(zip((f"{name}.jpg" for name in other), (image(5), image(6)), strict=True))
    images = read_images(run_revisited(tmp_path, files, imlist=[*names, "db_2"]))
    assert images.names == ["Zürich_Münster", "파리", "db_2"] and images.read(0) == image(5)


@pytest.mark.parametrize("path", ["im/db_0.heic", "im/db_0", "im/DB_0.jpg", "im/other.jpg"])
def test_an_error_says_which_images_are_read(tmp_path, files, path):
    files["one.tgz"] = {path: image(0), "db_1.jpg": image(1)}
    hint = "only .jpg, .jpeg, .png, .webp are read, capitals and folders must be as in the list"
    missing = r"1 of 5 listed images are not in .*one.tgz.*two.tgz: 'db_0' \(1 in all\)"
    with pytest.raises(ValueError, match=rf"{missing}; .*; {hint}"):
        run_revisited(tmp_path, files)
