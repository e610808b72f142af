import os
import pickle
import subprocess
import sys
import tarfile
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest

from aml.datasets.image_set_writer import PackWriter, write_ground_truth, write_lists
from aml.files.atomic import write_json
from aml.files.image_sets import LISTS, read_ground_truth, read_images, read_lists, read_queries

LONG = "a/" * 80 + "long.jpg"  # more than tar's 100 characters
DATA = {"b": b"bytes of b", "a": b"x" * 512, 'c,"é': b"y" * 513, LONG: b"z"}
LABELS = [{"easy": [0], "hard": [], "junk": [2, 1]}, {"easy": [], "hard": [1], "junk": []}]
ARRAYS = {
    "train_images": [0, 1], "train_clusters": [7, -1], "train_queries": [0], "train_positives": [1],
    "val_images": [2, 3], "val_clusters": [1, 1], "val_queries": [2, 3], "val_positives": [3, 2],
    "whitening_queries": [0, 2], "whitening_positives": [3, 1],
}  # fmt: skip


def arrays(**changed):
    return {name: np.array(values, dtype=np.int64) for name, values in (ARRAYS | changed).items()}


def ground_truth(folder):
    return folder.with_name("set.json")


@pytest.fixture
def folder(tmp_path):
    """Four images, listed in another order than they are packed in; two queries, labels, lists."""
    path = tmp_path / "set"
    path.mkdir()
    with PackWriter(path) as pack:
        for number, (name, data) in enumerate(DATA.items()):
            pack.add(name, data, 40 + number, 30, filled=name == "b")
        pack.write_list("images.csv", sorted(DATA))
        pack.write_list("queries.csv", ["b", "a"], [[0, 0, 10.25, 30], [-3.5, 2, 70, 9]])
        pack.write_report({"kind": "test"})
    write_lists(path, arrays(), len(DATA))
    write_ground_truth(ground_truth(path), LABELS, len(DATA))
    return path


def rewrite(path, *replacements):
    text = path.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def test_round_trip(folder):
    images = read_images(folder)
    assert images.names == sorted(DATA) and len(images) == 4 and images.boxes is None
    assert [images.read(row) for row in range(4)] == [DATA[name] for name in sorted(DATA)]
    assert images.filled.tolist() == [name == "b" for name in sorted(DATA)] and images.filled.dtype == bool
    assert images.sizes.tolist() == [[41, 30], [43, 30], [40, 30], [42, 30]] and images.sizes.dtype == np.int64
    queries = read_queries(folder)
    assert queries.filled.tolist() == [True, False] and images.subset(np.array([2, 0])).filled.tolist() == [True, False]
    assert queries.names == ["b", "a"] and queries.read(1) == DATA["a"]
    assert queries.boxes.tolist() == [[0, 0, 10.25, 30], [-3.5, 2, 70, 9]] and queries.boxes.dtype == np.float64


def test_the_tar_is_a_plain_tar(folder):
    with tarfile.open(folder / "images.tar", "r:") as tar:
        assert {member.name: tar.extractfile(member).read() for member in tar} == DATA


def test_equal_contents_give_equal_bytes(tmp_path):
    stored = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with PackWriter(tmp_path / name) as pack:
            pack.add("a", b"1", 1, 1)
            pack.write_list("images.csv", ["a"])
            pack.write_report({})
        write_lists(tmp_path / name, {x: np.zeros(0, dtype=np.int64) for x in LISTS}, 1)
        os.utime(tmp_path / name / "images.tar", (1, 1))
        stored.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert stored[0] == stored[1] and len(stored[0]) == 4


def test_empty_set(tmp_path):
    with PackWriter(tmp_path) as pack:
        pack.write_list("images.csv", [])
        pack.write_list("queries.csv", [], [])
    assert len(read_images(tmp_path)) == 0 and read_images(tmp_path).sizes.shape == (0, 2)
    assert read_queries(tmp_path).boxes.shape == (0, 4)
    with pytest.raises(ValueError, match="row 0"):
        read_images(tmp_path).read(0)


def test_digest_follows_names_sizes_boxes_and_order(folder):
    before = [read_images(folder).digest(), read_queries(folder).digest()]
    assert before == [read_images(folder).digest(), read_queries(folder).digest()] and len(before[0]) == 64
    rewrite(folder / "queries.csv", ("10.25", "10.5"))
    assert read_queries(folder).digest() != before[1]
    rewrite(folder / "images.csv", (",41,30", ",41,31"))
    assert read_images(folder).digest() != before[0]


def test_a_pack_of_other_bytes_or_with_an_image_that_is_filled_is_another_pack(folder):
    before, digest = read_images(folder), read_images(folder).pack_digest()
    rewrite(folder / "images.csv", (",40,30,1", ",40,30,0"))
    assert read_images(folder).digest() == before.digest()
    assert read_images(folder).pack_digest() != digest
    rewrite(folder / "images.csv", (",40,30,0", ",40,30,1"))
    assert read_images(folder).pack_digest() == digest
    with PackWriter(folder) as pack:
        for number, (name, data) in enumerate(DATA.items()):
            pack.add(name, data[::-1], 40 + number, 30, filled=name == "b")
        pack.write_report({"kind": "test"})
    assert read_images(folder).pack_digest() != digest


def test_lists_are_plain_csv(folder):
    table = pd.read_csv(folder / "queries.csv")
    assert table["name"].tolist() == ["b", "a"] and table["x1"].tolist() == [10.25, 70]
    assert pd.read_csv(folder / "images.csv")["width"].tolist() == [41, 43, 40, 42]


def _read_all(images):
    return [images.read(row) for row in range(len(images))]


def test_reads_in_other_processes_and_after_pickling(folder):
    images = read_images(folder)
    expected = _read_all(images)  # opens the tar before the fork
    assert _read_all(pickle.loads(pickle.dumps(images))) == expected
    with get_context("fork").Pool(2) as pool:
        assert pool.map(_read_all, [images] * 4) == [expected] * 4


@pytest.mark.parametrize("row", [-1, 4])
def test_read_refuses_rows_outside(folder, row):
    with pytest.raises(ValueError, match="0 to 3"):
        read_images(folder).read(row)


def test_read_refuses_a_tar_of_another_list(folder):
    with PackWriter(folder) as pack:
        for name, data in reversed(DATA.items()):
            pack.add(name, data, 1, 1)
    with pytest.raises(ValueError, match=r"images.tar is damaged: it does not hold '.*' .*, as row 0 says"):
        _read_all(read_images(folder))


@pytest.mark.parametrize("name", ["images.tar", "lists.npz"])
def test_a_flipped_bit_is_found_or_changes_nothing_but_an_image_s_bytes(folder, name):
    def contents():
        images = read_images(folder)
        return [len(data) for data in _read_all(images)], {k: v.tolist() for k, v in read_lists(folder).items()}

    path, expected = folder / name, contents()
    whole = path.read_bytes()
    for place in range(0, len(whole), 1 + len(whole) // 150):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        try:
            assert contents() == expected
        except ValueError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("row,name", "id,name", "line 1: header"),
        ("0,a,", "1,a,", "line 2: .* where row 0 with 7 values"),
        (",41,30", ",41", "line 2: .* where row 0 with 7 values"),
        ("2,b,", "2,a,", "'a' is listed twice"),
        (",41,", ",0,", r"row 0 \('a'\) has .* size \[0, 30\]"),
        (",41,", ",4x1,", "line 2: invalid literal .* '4x1'"),
        (",41,", ",-41,", r"size \[-41, 30\]"),
        (",0\n", ",2\n", "filled 2; accepted"),
        (",512,41", ",0,41", "accepted are spans inside images.tar of 10240 bytes"),
        (",512,41", ",512000,41", "accepted are spans inside images.tar"),
        (",512,41", ",9000000000000000000,41", "accepted are spans inside images.tar"),
        (",512,41", ",90000000000000000000,41", "line 2: "),
    ],
)
def test_refuses_broken_lists(folder, old, new, message):
    rewrite(folder / "images.csv", (old, new))
    with pytest.raises(ValueError, match=message) as error:
        read_images(folder)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (",,,,", "line 2: could not convert"),
        ("", "row 0 with 11 values"),
        (",0.0,0.0,nan,30.0", "four finite numbers"),
        (",0.0,0.0,x,30.0", "line 2.*could not convert"),
        (",5.0,0.0,5.4,30.0", "is empty"),
        (",5.0,8.0,9.0,7.0", "is empty"),
        (",40.0,0.0,50.0,30.0", "outside its image of 40 x 30"),
    ],
)
def test_refuses_queries_without_a_usable_box(folder, new, message):
    rewrite(folder / "queries.csv", (",0.0,0.0,10.25,30.0", new))
    with pytest.raises(ValueError, match=message):
        read_queries(folder)


def test_refuses_missing_and_unexpected_files(folder, tmp_path):
    (folder / ".hidden").touch()
    read_images(folder)
    (folder / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"unexpected 'notes.txt'"):
        read_images(folder)
    with pytest.raises(ValueError, match=r"no images.csv in .*: run preprocess"):
        read_images(tmp_path / "nowhere")
    (folder / "notes.txt").unlink()
    (folder / "images.csv").write_bytes(b"row,name,offset,bytes,width,height,filled\n0,\xff,512,1,1,1,0\n")
    with pytest.raises(ValueError, match=r"images.csv, line 1: 'utf-8'"):
        read_images(folder)
    (folder / "images.csv").write_bytes(b"")
    with pytest.raises(ValueError, match="line 1: header ''"):
        read_images(folder)


def test_lists_round_trip(folder):
    lists = read_lists(folder)
    assert list(lists) == list(LISTS)
    for name, values in lists.items():
        assert values.dtype == np.int64 and values.tolist() == ARRAYS[name]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train_queries": [4], "train_positives": [0]}, "train_queries holds row 4, accepted are 0 to 3"),
        ({"val_images": [-1, 3]}, "val_images holds row -1"),
        ({"val_queries": [2]}, "1 val_queries but 2 val_positives"),
        ({"whitening_queries": []}, "0 whitening_queries but 2 whitening_positives"),
        ({"train_clusters": [1]}, "2 train_images but 1 train_clusters"),
        ({"train_images": [1, 1]}, "train_images holds a row twice"),
        ({"train_positives": [2]}, "row 2 is in a train pair but not in train_images"),
        ({"val_images": [[2, 3]]}, r"val_images is int64 of shape \(1, 2\)"),
    ],
)
def test_refuses_broken_arrays(folder, changed, message):
    with pytest.raises(ValueError, match=message):
        write_lists(folder, arrays(**changed), 4)


def test_refuses_other_arrays_and_other_files(folder):
    with pytest.raises(ValueError, match=r"arrays \['train_images'\] where"):
        write_lists(folder, {"train_images": np.zeros(1, dtype=np.int64)}, 4)
    np.savez(folder / "lists.npz", **arrays() | {"val_images": np.array([{}], dtype=object)})
    with pytest.raises(ValueError, match="not a readable npz"):
        read_lists(folder)
    (folder / "lists.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ValueError, match="not a readable npz"):
        read_lists(folder)


def test_ground_truth_round_trip(folder):
    found = read_ground_truth(ground_truth(folder), 2, 4)
    assert [{label: rows.tolist() for label, rows in query.items()} for query in found] == LABELS
    assert found[0]["hard"].dtype == np.int64


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (LABELS[:1], "1 entries where a list with one entry for each of the 2 queries"),
        ({}, "dict where a list"),
        ([LABELS[0], {"easy": [], "hard": []}], "query 1 needs exactly the labels easy, hard, junk"),
        (
            [LABELS[0], {"easy": [0], "hard": [4], "junk": []}],
            "query 1, hard: 4 is no database row, accepted are 0 to 3",
        ),
        ([LABELS[0], {"easy": [-1], "hard": [], "junk": []}], "query 1, easy: -1 is no"),
        ([LABELS[0], {"easy": [True], "hard": [], "junk": []}], "query 1, easy: True is no"),
        ([LABELS[0], {"easy": [1.0], "hard": [], "junk": []}], r"query 1, easy: 1.0 is no"),
        ([LABELS[0], {"easy": [1], "hard": [], "junk": [1]}], "query 1: row 1 is labelled easy and again junk"),
        ([LABELS[0], {"easy": [1, 1], "hard": [], "junk": []}], "query 1: row 1 is labelled easy and again easy"),
        ([LABELS[0], {"easy": 1, "hard": [], "junk": []}], "query 1, easy: a list"),
    ],
)
def test_refuses_broken_ground_truth(folder, queries, message):
    write_json(ground_truth(folder), {"queries": queries})
    with pytest.raises(ValueError, match=message):
        read_ground_truth(ground_truth(folder), 2, 4)


def test_refuses_ground_truth_that_is_no_json(folder):
    ground_truth(folder).write_text("[{")
    with pytest.raises(ValueError, match=r"set.json is damaged"):
        read_ground_truth(ground_truth(folder), 2, 4)


def test_writer_refuses(tmp_path):
    with PackWriter(tmp_path) as pack:
        pack.add("a", b"1", 10, 10)
        for arguments, message in [
            (("a", b"1", 1, 1), "packed twice"),
            (("", b"1", 1, 1), "image name ''"),
            (("x\ny", b"1", 1, 1), "control characters"),
            (("\udce9", b"1", 1, 1), "not valid Unicode"),
            (("b", b"", 1, 1), "must be positive"),
            (("b", b"1", 0, 1), "must be positive"),
        ]:
            with pytest.raises(ValueError, match=message):
                pack.add(*arguments)
        with pytest.raises(ValueError, match="'b' was not packed"):
            pack.write_list("images.csv", ["a", "b"])
        with pytest.raises(ValueError, match="'a' is listed twice"):
            pack.write_list("images.csv", ["a", "a"])
        with pytest.raises(ValueError, match="0 boxes for 1 names"):
            pack.write_list("queries.csv", ["a"], [])
        with pytest.raises(ValueError, match=r"queries.csv, 'a': box .* outside its image"):
            pack.write_list("queries.csv", ["a"], [[10, 10, 20, 20]])
        assert "a" in pack and len(pack) == 1


def test_module_needs_neither_pillow_nor_torch():
    code = (
        "import sys, aml.datasets.image_set_writer; sys.exit(any(x in sys.modules for x in ('PIL', 'torch', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
