"""Training sets in the layout of retrieval-SfM-120k."""

import numpy as np
import pytest

from aml.datasets.sfm import cid_path
from aml.files.image_sets import read_images, read_lists
from tests import contents
from tests.datasets.raw_folders import image, pack_training_set, report, write_archive, write_pickle

CIDS = [f"{number:032x}"[::-1] for number in range(1, 10)]
TRAIN, VAL, OTHER = CIDS[:4], CIDS[4:7], CIDS[7:]


@pytest.fixture
def files():
    """Path in the archive -> bytes, not in list order, with a stranger among them."""
    found = {cid_path(cid): image(number) for number, cid in enumerate(CIDS)}
    return {"ims/readme": b"hello"} | dict(reversed(found.items()))


@pytest.fixture
def lists():
    return {
        "train": {"cids": TRAIN, "cluster": [5, 5, 9, 9], "qidxs": [0, 2, 1], "pidxs": [1, 3, 0]},
        "val": {"cids": VAL, "cluster": [1, 1, 2], "qidxs": [0], "pidxs": [1]},
        "whiten": {"cids": [OTHER[0], TRAIN[3], OTHER[1], VAL[0]], "qidxs": [1, 3], "pidxs": [2, 2]},
    }


@pytest.fixture
def packed(tmp_path, files, lists):
    """A function that packs these files and lists, and gives the set's folder."""

    def run(**settings):
        write_archive(tmp_path / "raw/ims.tar.gz", files)
        write_pickle(tmp_path / "raw/mini.pkl", {split: lists[split] for split in ("train", "val") if split in lists})
        write_pickle(tmp_path / "raw/mini-whiten.pkl", lists["whiten"])
        return pack_training_set(tmp_path, **settings)

    return run


def rows(folder, *splits):
    return {name: found.tolist() for name, found in read_lists(folder).items() if name.startswith(splits)}


def test_a_training_set(files, packed):
    assert cid_path("0123456789abcdef") == "ims/ef/cd/ab/0123456789abcdef"
    folder = packed(expected={"train_images": 4, "train_pairs": 3, "val_images": 3, "val_pairs": 1})
    images = read_images(folder)
    assert images.names == TRAIN + VAL + OTHER[1:]  # OTHER[0] is in no pair
    assert [images.read(row) for row in range(len(images))] == [files[cid_path(cid)] for cid in images.names]
    assert (images.sizes == [40, 30]).all()
    assert rows(folder, "") == {
        "train_images": [0, 1, 2, 3], "train_clusters": [5, 5, 9, 9],
        "train_queries": [0, 2, 1], "train_positives": [1, 3, 0],
        "val_images": [4, 5, 6], "val_clusters": [1, 1, 2], "val_queries": [4], "val_positives": [5],
        "whitening_queries": [3, 4], "whitening_positives": [7, 7],
    }  # fmt: skip
    assert report(folder) == {
        "kind": "training", "images": 8, "train_images": 4, "val_images": 3,
        "train_pairs": 3, "val_pairs": 1, "whitening_pairs": 2,
        "dropped": {"train_pairs": 0, "train_images": 0, "val_pairs": 0, "val_images": 0, "whitening_pairs": 0},
        "in_train_and_val": 0, "archives": {"ims.tar.gz": 8}, "modes": {"RGB": 8},
        "exif_rotated": 0, "unlisted_files": 2, "repeated_files": 0, "excluded": {}, "filled": {},
    }  # fmt: skip


def test_neither_workers_nor_numpy_s_integers_change_the_result(lists, packed):
    one = contents(packed(num_workers=1))
    lists["train"]["qidxs"] = [np.int64(x) for x in lists["train"]["qidxs"]]
    lists["val"]["pidxs"] = np.array(lists["val"]["pidxs"], dtype=np.int32)
    assert contents(packed(num_workers=3)) == one  # replaces the folder of the first run


def test_bad_images_stop_or_are_excluded_with_their_pairs(tmp_path, files, lists, packed):
    files[cid_path(TRAIN[0])] = files[cid_path(TRAIN[0])][:200]
    files[cid_path(OTHER[1])] = b""
    lists["whiten"] |= {"qidxs": [1, 3, 1], "pidxs": [2, 2, 3]}
    with pytest.raises(ValueError, match=r"2 of 8 images in .*ims.tar.gz cannot be used: .*\(2 in all\)") as error:
        packed()
    assert TRAIN[0] in str(error.value) and OTHER[1] in str(error.value)
    assert not list((tmp_path / "processed").iterdir())
    folder = packed(on_bad_image="exclude")
    assert read_images(folder).names == TRAIN[1:] + VAL
    assert rows(folder, "train", "whitening") == {
        "train_images": [0, 1, 2], "train_clusters": [5, 9, 9], "train_queries": [1], "train_positives": [2],
        "whitening_queries": [2], "whitening_positives": [3],
    }  # fmt: skip
    odd = report(folder)
    assert odd["dropped"] == {
        "train_pairs": 2, "train_images": 1, "val_pairs": 0, "val_images": 0, "whitening_pairs": 2
    }  # fmt: skip
    assert odd["excluded"][OTHER[1]] == "an empty file" and "Truncated" in odd["excluded"][TRAIN[0]]
    files[cid_path(VAL[0])] = b"damaged"
    with pytest.raises(ValueError, match="no usable val pair"):
        packed(on_bad_image="exclude")


def test_an_image_listed_twice_counts_once(lists, packed):
    lists["train"] |= {"cids": [*TRAIN, TRAIN[0]], "cluster": [5, 5, 9, 9, 5], "qidxs": [4, 2], "pidxs": [1, 3]}
    folder = packed()
    assert rows(folder, "train_images", "train_queries") == {"train_images": [0, 1, 2, 3], "train_queries": [0, 2]}
    assert report(folder)["dropped"]["train_images"] == 1


@pytest.mark.parametrize(
    ("split", "changed", "message"),
    [
        ("train", {"qidxs": [0, 4, 1]}, "mini.pkl, train, qidxs: 4 is out of range, accepted are 0 to 3"),
        ("train", {"pidxs": [0, -1, 1]}, "train, pidxs: -1 is out of range"),
        ("train", {"qidxs": [0]}, "train: 1 qidxs but 3 pidxs"),
        ("train", {"cluster": [1]}, "train: 4 cids but 1 cluster"),
        ("train", {"cluster": [1, 1, 2, 2**63]}, "cluster: 9223372036854775808 is out of range"),
        ("train", {"cluster": [1, 1, 2, 2**20000]}, "cluster: a number of 20001 bits is out of range"),
        ("train", {"cluster": np.zeros((2, 2), int)}, "cluster: a list of whole numbers .*, found a list of list"),
        ("val", {"cids": [1, 2, "a"]}, "mini.pkl, val, cids: a list of names is expected, found a list of int, str"),
        ("val", {"cids": "abc"}, "found a str"),
        ("val", {"cids": VAL[:2] + VAL[:1]}, "is in cluster 1 and in cluster 2"),
        ("whiten", {"qidxs": [1, True]}, "mini-whiten.pkl, qidxs: a list .*, found a list of bool, int"),
        ("whiten", {"qidxs": [], "pidxs": []}, "no usable whitening pair"),
    ],
)  # fmt: skip
def test_broken_lists_are_refused(lists, packed, split, changed, message):
    lists[split] |= changed
    with pytest.raises(ValueError, match=message):
        packed()


def test_other_counts_and_other_lists_are_refused(lists, packed):
    message = "mini.pkl: 4 train_images, expected are 91642.*does not have 120,000"
    with pytest.raises(ValueError, match=message):
        packed(expected={"train_images": 91642})
    del lists["val"]
    with pytest.raises(ValueError, match=r"mini.pkl: no 'val'; expected are train, val"):
        packed()
    lists["val"], lists["whiten"] = lists["train"], []
    with pytest.raises(ValueError, match=r"mini-whiten.pkl: a dict with cids, qidxs, pidxs is expected, found a list"):
        packed()
