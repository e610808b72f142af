import pickle
import tarfile
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest

from aml.datasets.image_set_writer import PackWriter, write_lists
from aml.files.atomic import write_json
from aml.files.image_sets import LISTS, read_ground_truth, read_images, read_lists, read_queries
from tests import flipped

LONG = "a/" * 80 + "long.jpg"  # more than tar's 100 characters
DATA = {"b": b"bytes of b", "a": b"x" * 512, 'c,"é': b"y" * 513, LONG: b"z"}
LABELS = [{"easy": [0], "hard": [], "junk": [2, 1]}, {"easy": [], "hard": [1], "junk": []}]
ROWS = {
    "train_images": [0, 1], "train_clusters": [7, -1], "train_queries": [0], "train_positives": [1],
    "val_images": [2, 3], "val_clusters": [1, 1], "val_queries": [2, 3], "val_positives": [3, 2],
    "whitening_queries": [0, 2], "whitening_positives": [3, 1],
}  # fmt: skip


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
    write_lists(path, {name: np.array(rows, dtype=np.int64) for name, rows in ROWS.items()})
    write_json(tmp_path / "set.json", {"queries": LABELS})
    return path


def rewrite(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_round_trip(folder, tmp_path):
    """By files that are a plain tar and plain CSV."""
    images = read_images(folder)
    assert images.names == sorted(DATA) and len(images) == 4 and images.boxes is None
    assert [images.read(row) for row in range(4)] == [DATA[name] for name in sorted(DATA)]
    assert images.filled.tolist() == [name == "b" for name in sorted(DATA)] and images.filled.dtype == bool
    assert images.sizes.tolist() == [[41, 30], [43, 30], [40, 30], [42, 30]] and images.sizes.dtype == np.int64
    queries = read_queries(folder)
    assert queries.filled.tolist() == [True, False] and images.subset(np.array([2, 0])).filled.tolist() == [True, False]
    assert queries.names == ["b", "a"] and queries.read(1) == DATA["a"]
    assert queries.boxes.tolist() == [[0, 0, 10.25, 30], [-3.5, 2, 70, 9]] and queries.boxes.dtype == np.float64
    lists, truth = read_lists(folder), read_ground_truth(tmp_path / "set.json")
    assert list(lists) == list(LISTS)
    assert {name: values.tolist() for name, values in lists.items()} == ROWS
    assert [{label: rows.tolist() for label, rows in query.items()} for query in truth] == LABELS
    assert {values.dtype for values in (*lists.values(), truth[0]["hard"])} == {np.dtype(np.int64)}

    with tarfile.open(folder / "images.tar", "r:") as tar:
        assert {member.name: tar.extractfile(member).read() for member in tar} == DATA
    table = pd.read_csv(folder / "queries.csv")
    assert table["name"].tolist() == ["b", "a"] and table["x1"].tolist() == [10.25, 70]
    assert pd.read_csv(folder / "images.csv")["width"].tolist() == [41, 43, 40, 42]

    with PackWriter(tmp_path) as pack:  # an empty set
        pack.write_list("images.csv", [])
        pack.write_list("queries.csv", [], [])
    assert len(read_images(tmp_path)) == 0 and read_images(tmp_path).sizes.shape == (0, 2)
    assert read_queries(tmp_path).boxes.shape == (0, 4)


def test_digest_follows_the_file_and_the_rows_of_a_subset(folder):
    """And that of the pack, other bytes and what is filled."""
    before = [read_images(folder).digest, read_queries(folder).digest]
    of_pack = read_images(folder).pack_digest()
    rewrite(folder / "images.csv", ",40,30,1", ",40,30,0")
    assert read_images(folder).pack_digest() != of_pack
    rewrite(folder / "images.csv", ",40,30,0", ",40,30,1")
    assert read_images(folder).pack_digest() == of_pack
    rewrite(folder / "queries.csv", "10.25", "10.5")
    assert read_queries(folder).digest != before[1]
    rewrite(folder / "images.csv", ",41,30", ",41,31")
    images = read_images(folder)
    assert images.digest != before[0]
    subsets = [images.subset(np.array(rows)).digest for rows in ([0, 1], [1, 0], [0, 1])]
    assert subsets[0] == subsets[2] != subsets[1] and images.digest not in subsets
    of_pack = images.pack_digest()
    with PackWriter(folder) as pack:  # other bytes: none
        pack.write_report({"kind": "test"})
    assert images.pack_digest() != of_pack


def _read_all(images):
    return [images.read(row) for row in range(len(images))]


def test_reads_in_other_processes_and_after_pickling_and_refuses_a_tar_of_another_list(folder):
    images = read_images(folder)
    expected = _read_all(images)  # opens the tar before the fork
    assert _read_all(pickle.loads(pickle.dumps(images))) == expected
    with get_context("fork").Pool(2) as pool:
        assert pool.map(_read_all, [images] * 4) == [expected] * 4
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
        path.write_bytes(flipped(whole, place, 1 << place % 8))
        try:
            assert contents() == expected
        except ValueError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize(
    ("read", "old", "new", "message"),
    [
        (read_images, ",41,30", ",41", "2 is '0,a,.*7 values are expected"),
        (read_images, ",41,", ",4x1,", "2 is '0,a,.*invalid literal .* '4x1'"),
        (read_images, ",512,41", ",90000000000000000000,41", "2 is '0,a,.*too (large|big)"),
        (read_queries, ",0.0,0.0,10.25,30.0", ",,,,", "2 is '0,b,"),
        (read_queries, ",0.0,0.0,10.25,30.0", "", "2 is '0,b,"),
        (read_queries, ",0.0,0.0,10.25,30.0", ",0.0,0.0,x,30.0", "2 is '0,b,"),
    ],
)
def test_refuses_broken_lines(folder, read, old, new, message):
    name = {read_images: "images.csv", read_queries: "queries.csv"}[read]
    rewrite(folder / name, old, new)
    with pytest.raises(ValueError, match=f"{name} is damaged: line {message}"):
        read(folder)


def test_refuses_missing_and_unreadable_files(folder, tmp_path):
    with pytest.raises(ValueError, match=r"no images.csv in .*: run preprocess"):
        read_images(tmp_path / "nowhere")
    (folder / "images.csv").write_bytes(b"row,name,offset,bytes,width,height,filled\n0,\xff,512,1,1,1,0\n")
    with pytest.raises(ValueError, match=r"images.csv is damaged: .*'utf-8'"):
        read_images(folder)
    np.savez(folder / "lists.npz", **ROWS | {"val_images": np.array([{}], dtype=object)})
    with pytest.raises(ValueError, match="not a readable npz"):
        read_lists(folder)
