import pickle

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from aml.datasets import distractors, packing, sfm
from aml.files.atomic import read_json
from aml.files.digests import file_sha256
from aml.files.image_sets import read_ground_truth, read_images, read_lists, read_queries
from aml.images import ImageTensors
from tests.datasets.raw_folders import (
    GND,
    contents,
    distractor_set,
    image,
    run_revisited,
    training_set,
    write_archive,
    write_pickle,
)
from tests.test_decoding import by_the_authors

CIDS = [f"{number:032x}"[::-1] for number in range(1, 10)]
TRAIN, VAL, OTHER = CIDS[:4], CIDS[4:7], CIDS[7:]


def report(folder):
    content = read_json(folder / "report.json")
    assert content.pop("images_sha256") == file_sha256(folder / "images.tar")
    return content


# training sets


@pytest.fixture
def sfm_files():
    """Path in the archive -> bytes, not in list order, with a stranger among them."""
    files = {sfm.cid_path(cid): image(number) for number, cid in enumerate(CIDS)}
    return {"ims/readme": b"hello"} | dict(reversed(files.items()))


@pytest.fixture
def sfm_lists():
    return {
        "train": {"cids": TRAIN, "cluster": [5, 5, 9, 9], "qidxs": [0, 2, 1], "pidxs": [1, 3, 0]},
        "val": {"cids": VAL, "cluster": [1, 1, 2], "qidxs": [0], "pidxs": [1]},
        "whiten": {"cids": [OTHER[0], TRAIN[3], OTHER[1], VAL[0]], "qidxs": [1, 3], "pidxs": [2, 2]},
    }


def write_sfm(raw, files, lists):
    write_archive(raw / "ims.tar.gz", files)
    write_pickle(raw / "mini.pkl", {split: lists[split] for split in ("train", "val")})
    write_pickle(raw / "mini-whiten.pkl", lists["whiten"])
    return raw


def run_sfm(tmp_path, *, expected=None, on_bad_image="error", num_workers=1):
    folder = tmp_path / "processed"
    settings = training_set("mini", expected=expected, on_bad_image=on_bad_image)
    sfm.preprocess(tmp_path / "raw", folder, settings, num_workers=num_workers)
    return folder


def test_sfm(tmp_path, sfm_files, sfm_lists):
    assert sfm.cid_path("0123456789abcdef") == "ims/ef/cd/ab/0123456789abcdef"
    write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    folder = run_sfm(tmp_path, expected={"train_images": 4, "train_pairs": 3, "val_images": 3, "val_pairs": 1})
    images = read_images(folder)
    assert images.names == TRAIN + VAL + OTHER[1:]  # OTHER[0] is in no pair
    assert [images.read(row) for row in range(len(images))] == [sfm_files[sfm.cid_path(cid)] for cid in images.names]
    assert (images.sizes == [40, 30]).all()
    assert {name: values.tolist() for name, values in read_lists(folder).items()} == {
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


def test_sfm_result_depends_on_nothing_else(tmp_path, sfm_files, sfm_lists):
    write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    one = contents(run_sfm(tmp_path, num_workers=1))
    three = contents(run_sfm(tmp_path, num_workers=3))  # replaces the folder of the first run
    assert one == three
    write_sfm(tmp_path / "raw", dict(reversed(sfm_files.items())), sfm_lists)
    other_order = run_sfm(tmp_path)
    assert contents(other_order)["lists.npz"] == one["lists.npz"]
    assert [read_images(other_order).read(row) for row in range(8)] == [sfm_files[sfm.cid_path(x)] for x in
                                                                        read_images(other_order).names]  # fmt: skip


def test_sfm_lists_as_numpy_integers_of_python_2(tmp_path, sfm_files, sfm_lists):
    write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    before = contents(run_sfm(tmp_path))
    for split in sfm_lists.values():
        split["qidxs"] = [np.int64(x) for x in split["qidxs"]]
        split["pidxs"] = np.array(split["pidxs"], dtype=np.int32)
    write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    (tmp_path / "raw" / "mini.pkl").write_bytes(pickle.dumps({k: sfm_lists[k] for k in ("train", "val")}, 0))
    assert contents(run_sfm(tmp_path)) == before


def test_sfm_bad_images_stop_or_are_excluded_with_their_pairs(tmp_path, sfm_files, sfm_lists):
    sfm_files[sfm.cid_path(TRAIN[0])] = sfm_files[sfm.cid_path(TRAIN[0])][:200]
    sfm_files[sfm.cid_path(OTHER[1])] = b""
    sfm_lists["whiten"] |= {"qidxs": [1, 3, 1], "pidxs": [2, 2, 3]}
    write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    with pytest.raises(ValueError, match=r"2 of 8 images in .*ims.tar.gz cannot be used: .*\(2 in all\)") as error:
        run_sfm(tmp_path)
    assert TRAIN[0] in str(error.value) and OTHER[1] in str(error.value)
    assert not (tmp_path / "processed").exists() and len(list(tmp_path.iterdir())) == 1
    folder = run_sfm(tmp_path, on_bad_image="exclude")
    assert read_images(folder).names == TRAIN[1:] + VAL
    lists = read_lists(folder)
    assert lists["train_images"].tolist() == [0, 1, 2] and lists["train_clusters"].tolist() == [5, 9, 9]
    assert lists["train_queries"].tolist() == [1] and lists["train_positives"].tolist() == [2]
    assert lists["whitening_queries"].tolist() == [2] and lists["whitening_positives"].tolist() == [3]
    odd = report(folder)
    assert odd["dropped"] == {
        "train_pairs": 2, "train_images": 1, "val_pairs": 0, "val_images": 0, "whitening_pairs": 2
    }  # fmt: skip
    assert odd["excluded"][OTHER[1]] == "an empty file" and "Truncated" in odd["excluded"][TRAIN[0]]
    sfm_files[sfm.cid_path(VAL[0])] = b"damaged"
    write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    with pytest.raises(ValueError, match="no usable val pair"):
        run_sfm(tmp_path, on_bad_image="exclude")


def test_sfm_truncated_images_are_filled(tmp_path, sfm_files, sfm_lists):
    """They keep their rows, pairs and own bytes, and training sees the pixels that the authors' loader gives."""
    cut = image(0, (64, 48))[:700]
    sfm_files[sfm.cid_path(TRAIN[0])] = cut
    write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    folder = run_sfm(tmp_path, on_bad_image="fill")
    images = read_images(folder)
    assert images.names == TRAIN + VAL + OTHER[1:] and images.read(0) == cut
    assert images.filled.tolist() == [True] + [False] * 7 and images.sizes[0].tolist() == [64, 48]
    assert read_lists(folder)["train_queries"].tolist() == [0, 2, 1]
    odd = report(folder)
    assert odd["excluded"] == {} and list(odd["filled"]) == [TRAIN[0]] and "truncated" in odd["filled"][TRAIN[0]]
    assert set(odd["dropped"].values()) == {0} and odd["modes"] == {"RGB": 8}
    tensors = ImageTensors(images, image_size=32, normalisation={"mean": [0.5] * 3, "std": [0.5] * 3})
    expected = Image.fromarray(by_the_authors(cut))
    expected.thumbnail((32, 32), Image.Resampling.LANCZOS)
    for of_process in (tensors[0], *DataLoader(tensors, batch_size=None, sampler=[0], num_workers=1)):
        np.testing.assert_array_equal(of_process.permute(1, 2, 0), expected)
    folder = run_sfm(tmp_path, on_bad_image="exclude")
    assert read_images(folder).names == TRAIN[1:] + VAL + OTHER[1:] and report(folder)["filled"] == {}


@pytest.mark.parametrize("data", [b"", b"<html></html>", image(0)[:200]], ids=["empty", "no image", "half a header"])
def test_what_has_no_header_cannot_be_filled(tmp_path, sfm_files, sfm_lists, data):
    sfm_files[sfm.cid_path(TRAIN[0])] = data
    write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    with pytest.raises(ValueError, match=r"1 of 8 .*, not even filled; on_bad_image: exclude leaves") as error:
        run_sfm(tmp_path, on_bad_image="fill")
    assert TRAIN[0] in str(error.value) and not (tmp_path / "processed").exists()


@pytest.mark.parametrize(
    ("moved", "expected", "message"),
    [
        (dict.fromkeys(TRAIN[1:3]), None, f"2 of 8 listed .*ims.tar.gz: '{TRAIN[1]}', '{TRAIN[2]}' .2 in all"),
        ({TRAIN[0]: f"ims/{TRAIN[0]}"}, None, "1 of 8 listed images"),  # at another place
        ({}, {"train_images": 91642}, r"mini.pkl: 4 train_images, expected are 91642.*does not have 120,000"),
    ],
)
def test_sfm_refuses_missing_images_and_other_counts(tmp_path, sfm_files, sfm_lists, moved, expected, message):
    for cid, path in moved.items():
        data = sfm_files.pop(sfm.cid_path(cid))
        sfm_files |= {path: data} if path else {}
    write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    with pytest.raises(ValueError, match=message):
        run_sfm(tmp_path, expected=expected, on_bad_image="exclude")


def test_sfm_an_image_listed_twice_counts_once(tmp_path, sfm_files, sfm_lists):
    sfm_lists["train"] |= {"cids": [*TRAIN, TRAIN[0]], "cluster": [5, 5, 9, 9, 5], "qidxs": [4, 2], "pidxs": [1, 3]}
    write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    folder = run_sfm(tmp_path)
    assert read_lists(folder)["train_images"].tolist() == [0, 1, 2, 3]
    assert read_lists(folder)["train_queries"].tolist() == [0, 2] and report(folder)["dropped"]["train_images"] == 1


@pytest.mark.parametrize(
    ("split", "changed", "message"),
    [
        ("train", {"qidxs": [0, 4, 1]}, "mini.pkl, train, qidxs: 4 is out of range, accepted are 0 to 3"),
        ("train", {"pidxs": [0, -1, 1]}, "train, pidxs: -1 is out of range"),
        ("train", {"qidxs": [0]}, "train: 1 qidxs but 3 pidxs"),
        ("train", {"cluster": [1]}, "train: 4 cids but 1 cluster"),
        ("val", {"cids": [1, 2, 3]}, "mini.pkl, val, cids: a list of names is expected"),
        ("val", {"cids": VAL[:2] + VAL[:1]}, "is in cluster 1 and in cluster 2"),
        ("val", {"cluster": [1.0, 1.0, 2.0]}, "val, cluster: a list of whole numbers"),
        ("whiten", {"qidxs": ["0", "1"]}, "mini-whiten.pkl, qidxs: a list of whole numbers"),
        ("whiten", {"qidxs": [], "pidxs": []}, "no usable whitening pair"),
    ],
)
def test_sfm_refuses_broken_lists(tmp_path, sfm_files, sfm_lists, split, changed, message):
    sfm_lists[split] |= changed
    write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    with pytest.raises(ValueError, match=message):
        run_sfm(tmp_path)
    assert not (tmp_path / "processed").exists()


def test_sfm_refuses_missing_parts(tmp_path, sfm_files, sfm_lists):
    raw = write_sfm(tmp_path / "raw", sfm_files, sfm_lists)
    whole = (raw / "ims.tar.gz").read_bytes()
    (raw / "ims.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"archive .*ims.tar.gz, at its start: Compressed file ended"):
        run_sfm(tmp_path)
    (raw / "ims.tar.gz").unlink()
    with pytest.raises(ValueError, match=r"no archive .*ims.tar.gz"):
        run_sfm(tmp_path)
    write_pickle(raw / "mini.pkl", {"train": sfm_lists["train"]})
    with pytest.raises(ValueError, match=r"mini.pkl: no 'val'; expected are train, val"):
        run_sfm(tmp_path)
    (raw / "mini.pkl").unlink()
    with pytest.raises(ValueError, match=r"no file .*mini.pkl"):
        run_sfm(tmp_path)
    assert sorted(x.name for x in tmp_path.iterdir()) == ["raw"]


# test sets


def test_revisited(tmp_path, revisited_files):
    folder = run_revisited(tmp_path, revisited_files, expected={"queries": 2, "database": 3, "images": 6})
    database, queries = read_images(folder), read_queries(folder)
    assert database.names == ["db_0", "db_1", "db_2"] and queries.names == ["q_1", "q_0"]
    assert [database.read(row) for row in range(3)] == [image(0), image(1), image(2, (20, 50))]
    assert [queries.read(row) for row in range(2)] == [image(4), image(3)]
    assert database.sizes.tolist() == [[40, 30], [40, 30], [20, 50]]
    assert queries.boxes.tolist() == [query["bbx"] for query in GND]
    ground_truth = read_ground_truth(tmp_path / "mini.json")
    assert [{k: v.tolist() for k, v in query.items()} for query in ground_truth] == [
        {k: v for k, v in query.items() if k != "bbx"} for query in GND
    ]
    assert report(folder) == {
        "kind": "test", "queries": 2, "database": 3, "queries_in_database": 0, "queries_listed_again": 0,
        "boxes_over_the_border": ["q_0"],
        "archives": {"one.tgz": 2, "two.tgz": 3}, "modes": {"RGB": 5}, "exif_rotated": 0,
        "unlisted_files": 2, "repeated_files": 0, "excluded": {}, "filled": {},
    }  # fmt: skip


def test_revisited_reads_numpy_boxes_and_labels_and_keeps_the_list_s_order(tmp_path, revisited_files):
    gnd = [{key: np.array(value) for key, value in query.items()} for query in GND]
    gnd[1] |= {"easy": np.zeros(0, dtype=np.int64), "bbx": [np.float32(x) for x in GND[1]["bbx"]]}
    gnd[0]["junk"] = []
    folder = run_revisited(tmp_path, revisited_files, gnd, imlist=["db_1", "db_2", "db_0"])
    assert read_queries(folder).boxes.tolist() == [query["bbx"] for query in GND]
    assert read_images(folder).names == ["db_1", "db_2", "db_0"]


def test_revisited_an_image_that_repeats_must_repeat_exactly(tmp_path, revisited_files):
    revisited_files["two.tgz"]["again/db_1.jpg"] = image(1)
    assert report(run_revisited(tmp_path, revisited_files))["repeated_files"] == 1
    revisited_files["two.tgz"]["again/db_1.jpg"] = image(9)
    with pytest.raises(ValueError, match=r"two.tgz, 'again/db_1.jpg': image 'db_1' came before with other bytes"):
        run_revisited(tmp_path, revisited_files)


def test_revisited_all_images_must_be_good(tmp_path, revisited_files):
    revisited_files["one.tgz"]["paris/a/db_0.JPG"] = image(0)[:100]
    with pytest.raises(ValueError, match=r"1 of 5 images in .* cannot be used: 'db_0' \(1 in all\)"):
        run_revisited(tmp_path, revisited_files)
    del revisited_files["one.tgz"]["paris/a/db_0.JPG"]
    with pytest.raises(ValueError, match=r"1 of 5 listed images are not in .*one.tgz.*two.tgz: 'db_0' \(1 in all\)"):
        run_revisited(tmp_path, revisited_files)
    assert not (tmp_path / "processed").exists()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"bbx": None}, "query 'q_0' has no box"),
        ({"bbx": [1, 2, 3]}, "query 'q_0': 'bbx' is no list of four numbers"),
        ({"bbx": ["1", 2, 3, 4]}, "'bbx' is no list of four numbers"),
        ({"bbx": [1, 2, 3, 10**400]}, "'bbx' holds a number beyond all images"),
        ({"bbx": [1, 2, 3, float("nan")]}, "'q_0': box .* four finite numbers"),
        ({"bbx": [9, 2, 3, 8]}, "'q_0': box .* is empty"),
        ({"bbx": [40, 2, 60, 8]}, "'q_0': box .* lies outside its image of 40 x 30 pixels"),
        ({"bbx": [0, 0, 40, 61]}, "'q_0': box .* is more than twice its image of 40 x 30"),
        ({"easy": [3]}, "query 'q_0', easy: 3 is out of range, accepted are 0 to 2"),
        ({"easy": [0]}, r"gnd_mini.pkl, query .q_0., rows: 0 is listed twice"),
        ({"hard": "1"}, "query 'q_0', hard: a list of whole numbers"),
    ],
)
def test_revisited_refuses_broken_queries(tmp_path, revisited_files, query, message):
    with pytest.raises(ValueError, match=message):
        run_revisited(tmp_path, revisited_files, [GND[0], GND[1] | query])
    assert not (tmp_path / "processed").exists()


def test_revisited_refuses_broken_lists(tmp_path, revisited_files):
    without_box = [GND[0], {key: value for key, value in GND[1].items() if key != "bbx"}]
    without_junk = [GND[0], {key: value for key, value in GND[1].items() if key != "junk"}]
    for changed, message in [
        ({"gnd": without_box}, "query 'q_0' has no box"),
        ({"gnd": without_junk}, "query 'q_0': no 'junk'; expected are easy, hard, junk"),
        ({"gnd": [GND[0], 7]}, "query 'q_0' has no box"),
        ({"gnd": GND[:1]}, "2 qimlist but 1 gnd"),
        ({"gnd": {}}, "gnd: a list with one entry a query is expected, found a dict"),
        ({"imlist": []}, "2 queries, 0 database images; at least one"),
        ({"imlist": ["db_0", "db_1", "db_1.jpg"]}, "gnd_mini.pkl, imlist: 'db_1' is listed twice"),
        ({"imlist": ["db_0", "", "db_2"]}, r"gnd_mini.pkl, imlist: name 1 \(from 0\) is empty"),
        ({"expected": {"database": 4993}}, "gnd_mini.pkl: 3 database, expected are 4993"),
        ({"expected": {"images": 7}}, r"one.tgz, .*two.tgz: 6 images, expected are 7"),
    ]:
        with pytest.raises(ValueError, match=message):
            run_revisited(tmp_path, revisited_files, **changed)
    with pytest.raises(ValueError, match="5 of 5 listed images are not in"):
        run_revisited(tmp_path / "other", {"one.tgz": {}})


# distractors


def run_distractors(tmp_path, archives, names, *, num_archives=None, in_all=None, expected=None, on_bad_image="error"):
    raw = tmp_path / "raw"
    raw.mkdir(exist_ok=True)
    for number, files in enumerate(archives, start=1):
        write_archive(raw / f"revisitop1m.{number}.tar.gz", files)
    (raw / "mini.txt").write_text(names)
    num_archives = len(archives) if num_archives is None else num_archives
    in_all = num_archives if in_all is None else in_all
    settings = distractor_set("mini", num_archives, in_all=in_all, expected=expected, on_bad_image=on_bad_image)
    distractors.preprocess(raw, tmp_path / "processed", settings, num_workers=2)
    return tmp_path / "processed"


ARCHIVES = [{"jpg/00/c.jpg": image(2), "jpg/00/a.jpg": image(0)}, {"jpg/01/a.jpg": image(1, mode="L"), "jpg/x": b"?"}]


@pytest.mark.parametrize("prefix", ["", "jpg/"])
def test_distractors(tmp_path, prefix):
    names = [prefix + name for name in ("00/a.jpg", "01/a.jpg", "00/c.jpg")]
    folder = run_distractors(tmp_path, ARCHIVES, "\r\n".join(names) + "\n", expected=3)
    images = read_images(folder)
    assert images.names == names
    assert [images.read(row) for row in range(3)] == [image(0), image(1, mode="L"), image(2)]
    assert report(folder) == {
        "kind": "distractors", "images": 3, "listed": 3,
        "archives": {"revisitop1m.1.tar.gz": 2, "revisitop1m.2.tar.gz": 1}, "modes": {"L": 1, "RGB": 2},
        "exif_rotated": 0, "unlisted_files": 1, "repeated_files": 0, "excluded": {}, "filled": {},
    }  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == ["images.csv", "images.tar", "report.json"]


def test_the_first_archives_alone(tmp_path):
    """What a later archive holds is not missing; the list keeps its order and its expected count."""
    names = "01/a.jpg\n00/c.jpg\n00/a.jpg\n"
    folder = run_distractors(tmp_path, ARCHIVES, names, num_archives=1, in_all=2, expected=3)
    assert read_images(folder).names == ["00/c.jpg", "00/a.jpg"]
    assert report(folder)["listed"] == 3 and report(folder)["archives"] == {"revisitop1m.1.tar.gz": 2}
    with pytest.raises(ValueError, match="1 of 3 listed images are not in"):
        run_distractors(tmp_path, ARCHIVES, names, num_archives=1, in_all=1)
    with pytest.raises(ValueError, match="none of the 1 distractors can be used"):
        run_distractors(tmp_path, ARCHIVES, "02/x.jpg\n", num_archives=1, in_all=2)


def test_no_archive_is_no_distractor(tmp_path):
    folder = run_distractors(tmp_path, [], "nobody reads it", in_all=100, expected=1001001)
    assert len(read_images(folder)) == 0


def test_distractors_listed_by_file_name_alone(tmp_path):
    folder = run_distractors(tmp_path, ARCHIVES[:1], "a.jpg\nc.jpg")
    assert read_images(folder).names == ["a.jpg", "c.jpg"]
    with pytest.raises(ValueError, match=r"image 'a.jpg' came before with other bytes"):
        run_distractors(tmp_path, ARCHIVES, "a.jpg\nc.jpg")


def test_distractors_bad_images(tmp_path):
    archives = [ARCHIVES[0] | {"jpg/00/b.jpg": b""}]
    with pytest.raises(ValueError, match=r"'b.jpg': an empty file"):
        run_distractors(tmp_path, archives, "a.jpg\nb.jpg\nc.jpg")
    folder = run_distractors(tmp_path, archives, "a.jpg\nb.jpg\nc.jpg", on_bad_image="exclude")
    assert read_images(folder).names == ["a.jpg", "c.jpg"] and report(folder)["excluded"] == {"b.jpg": "an empty file"}
    with pytest.raises(ValueError, match="none of the 1 distractors can be used"):
        run_distractors(tmp_path, archives, "b.jpg", on_bad_image="exclude")
    archives[0]["jpg/00/b.jpg"] = image(3, (64, 48))[:700]
    folder = run_distractors(tmp_path, archives, "a.jpg\nb.jpg\nc.jpg", on_bad_image="fill")
    assert read_images(folder).filled.tolist() == [False, True, False] and list(report(folder)["filled"]) == ["b.jpg"]
    with pytest.raises(ValueError, match=r"'b.jpg': OSError: image file is truncated"):
        run_distractors(tmp_path, archives, "a.jpg\nb.jpg\nc.jpg")


@pytest.mark.parametrize(
    ("names", "changed", "message"),
    [
        ("a.jpg\nc.jpg\nd.jpg\n", {}, r"1 of 3 listed images are not in .*: 'd.jpg' \(1 in all\)"),
        ("a.jpg\nc.jpg\n", {"num_archives": 3}, r"2 of 3 archives are not in .*: 'revisitop1m.2.tar.gz', "),
        ("a.jpg\nc.jpg\n", {"expected": 1001001}, r"mini.txt: 2 names, expected are 1001001"),
        ("a.jpg\na.jpg\n", {}, r"mini.txt: 'a.jpg' is listed twice"),
        ("a.jpg\n\nc.jpg\n", {}, r"mini.txt: line 2 is empty"),
        ("\n", {}, r"mini.txt: it is empty"),
    ],
)
def test_distractors_refuse(tmp_path, names, changed, message):
    with pytest.raises(ValueError, match=message):
        run_distractors(tmp_path, ARCHIVES[:1], names, **changed)
    assert not (tmp_path / "processed").exists()


def test_memory_is_bounded_by_the_workers(tmp_path, monkeypatch):
    """Never more than `_AHEAD` images a worker are held, however large the archive."""
    held, most = set(), []

    def check(data, original=packing.check):
        held.add(data)
        most.append(len(held))
        return original(data)

    def add(name, data, *arguments, original=packing._add):
        held.discard(data)
        original(name, data, *arguments)

    monkeypatch.setattr(packing, "check", check)
    monkeypatch.setattr(packing, "_add", add)
    files = {f"jpg/{number:03d}.jpg": image(number) for number in range(60)}
    run_distractors(tmp_path, [files], "\n".join(name[4:] for name in files))
    assert len(most) == 60 and max(most) <= 2 * packing._AHEAD
