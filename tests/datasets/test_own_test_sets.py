"""Test sets that are not made as upstream makes them: what is accepted and counted, what an error guesses."""

import unicodedata

import pytest

from aml.files.atomic import read_json
from aml.files.image_sets import read_ground_truth, read_images, read_queries
from tests import contents
from tests.datasets.raw_folders import GND, image, run_revisited


def odd_labels(tmp_path):
    return tuple(read_json(tmp_path / "mini.json")[key] for key in ("queries_without_positives", "unknown_keys"))


def test_revisited_counts_what_is_odd(tmp_path, revisited_files):
    """An image that is two queries by two boxes, one that is in the database, one without positives, unknown keys."""
    twice = GND[0] | {"bbx": [1, 1, 9, 9], "easy": [], "hard": [], "ok": [1], 7: 7}
    changed = {"qimlist": ["q_1", "db_1", "q_1"], "gnd": [*GND, twice], "note": "mine"}
    folder = run_revisited(tmp_path, revisited_files, **changed)
    queries = read_queries(folder)
    assert queries.names == ["q_1", "db_1", "q_1 (2)"] and queries.read(0) == queries.read(2) == image(4)
    assert queries.boxes.tolist() == [GND[0]["bbx"], GND[1]["bbx"], [1, 1, 9, 9]]
    assert queries.sizes.tolist() == [[40, 30]] * 3
    odd = read_json(folder / "report.json")
    assert (odd["queries"], odd["queries_in_database"], odd["queries_listed_again"]) == (3, 1, 1)
    assert odd_labels(tmp_path) == (["q_1 (2)"], {"'note'": 1, "'ok'": 1, "7": 1})
    assert len(read_ground_truth(tmp_path / "mini.json")) == 3
    with pytest.raises(ValueError, match=r"gnd_mini.pkl, qimlist: 'q_1 \(2\)' is listed twice"):
        run_revisited(tmp_path, revisited_files, [GND[0]] * 3, qimlist=["q_1", "q_1", "q_1 (2)"])
    nothing = [query | {"easy": [], "hard": []} for query in GND]
    with pytest.raises(ValueError, match=r"gnd_mini.pkl: no query has a positive, easy or hard"):
        run_revisited(tmp_path, revisited_files, nothing)


def test_a_corrected_label_changes_the_labels_alone(tmp_path, revisited_files):
    """Unknown keys and queries without positives too: what descriptors depend on is as it was."""
    before = contents(run_revisited(tmp_path, revisited_files))
    corrected = [GND[0] | {"easy": [], "hard": [], "junk": [1], "remark": "none left"}, GND[1] | {"junk": []}]
    assert contents(run_revisited(tmp_path, revisited_files, corrected)) == before
    assert odd_labels(tmp_path) == (["q_1"], {"'remark'": 1})


def test_revisited_names_with_extensions_and_folders(tmp_path, revisited_files):
    """Folders as in the archive, or such as the archive lacks, or such as tell images apart."""
    for imlist, qimlist in (
        (["db_0.jpg", "db_1.JPG", "db_2.png"], ["q_1", "q_0"]),
        (["paris/a/db_0", "b/db_1.jpg", "any/db_2"], ["er/q_1.jpeg", "q_0"]),
    ):
        folder = run_revisited(tmp_path, revisited_files, imlist=imlist, qimlist=qimlist)
        images = read_images(folder)
        assert [images.read(row) for row in range(3)] == [image(0), image(1), image(2, (20, 50))]
        assert read_queries(folder).read(0) == image(4)
    files = {"one.tgz": {"set/a/0.jpg": image(0), "set/b/0.jpg": image(1), "a/q.jpg": image(2)}}
    images = read_images(run_revisited(tmp_path, files, GND[:1], imlist=["a/0", "b/0", "q"], qimlist=["q"]))
    assert images.names == ["a/0", "b/0", "q"] and [images.read(row) for row in range(2)] == [image(0), image(1)]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_revisited_names_in_both_forms_of_unicode(tmp_path, revisited_files, form):
    names = [unicodedata.normalize(form, name) for name in ("Zürich_Münster", "파리")]
    other = [unicodedata.normalize("NFD" if form == "NFC" else "NFC", name) for name in names]
    files = revisited_files["two.tgz"] | dict(zip((f"{name}.jpg" for name in other), (image(5), image(6)), strict=True))
    folder = run_revisited(tmp_path, revisited_files | {"two.tgz": files}, imlist=[*names, "db_2"])
    images = read_images(folder)
    assert images.names == ["Zürich_Münster", "파리", "db_2"] and images.read(0) == image(5)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_revisited_other_formats(tmp_path, revisited_files, kind):
    data = image(0, file_format=kind)
    revisited_files["one.tgz"] = {f"db_0.{kind}": data, "db_1.jpg": image(1), "._db_1.jpg": b"what a Mac adds"}
    folder = run_revisited(tmp_path, revisited_files, expected={"images": 6})
    assert read_images(folder).read(0) == data


@pytest.mark.parametrize("path", ["im/db_0.heic", "im/db_0", "im/DB_0.jpg", "im/other.jpg"])
def test_revisited_says_which_images_are_read(tmp_path, revisited_files, path):
    revisited_files["one.tgz"] = {path: image(0), "db_1.jpg": image(1)}
    hint = "only .jpg, .jpeg, .png, .webp are read, capitals and folders must be as in the list"
    with pytest.raises(ValueError, match=rf"1 of 5 listed images are not in .*: 'db_0' \(1 in all\); .*; {hint}"):
        run_revisited(tmp_path, revisited_files)
