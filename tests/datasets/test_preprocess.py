import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from aml.datasets import distractors, packing, sfm
from aml.files.atomic import read_json
from aml.files.digests import file_sha256
from aml.files.image_sets import read_ground_truth, read_images, read_lists, read_queries
from aml.images import ImageTensors
from tests import contents
from tests.datasets.raw_folders import (
    GND,
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
def files():
    """Path in the archive -> bytes, not in list order, with a stranger among them."""
    found = {sfm.cid_path(cid): image(number) for number, cid in enumerate(CIDS)}
    return {"ims/readme": b"hello"} | dict(reversed(found.items()))


@pytest.fixture
def lists():
    return {
        "train": {"cids": TRAIN, "cluster": [5, 5, 9, 9], "qidxs": [0, 2, 1], "pidxs": [1, 3, 0]},
        "val": {"cids": VAL, "cluster": [1, 1, 2], "qidxs": [0], "pidxs": [1]},
        "whiten": {"cids": [OTHER[0], TRAIN[3], OTHER[1], VAL[0]], "qidxs": [1, 3], "pidxs": [2, 2]},
    }


@pytest.fixture
def run_sfm(tmp_path, files, lists):
    """A function that packs these files and lists, and gives the set's folder."""

    def run(*, expected=None, on_bad_image="error", num_workers=1):
        write_archive(tmp_path / "raw/ims.tar.gz", files)
        write_pickle(tmp_path / "raw/mini.pkl", {split: lists[split] for split in ("train", "val")})
        write_pickle(tmp_path / "raw/mini-whiten.pkl", lists["whiten"])
        settings = training_set("mini", expected=expected, on_bad_image=on_bad_image)
        sfm.preprocess(tmp_path / "raw", tmp_path / "processed", settings, num_workers=num_workers)
        return tmp_path / "processed"

    return run


def test_sfm(files, run_sfm):
    assert sfm.cid_path("0123456789abcdef") == "ims/ef/cd/ab/0123456789abcdef"
    folder = run_sfm(expected={"train_images": 4, "train_pairs": 3, "val_images": 3, "val_pairs": 1})
    images = read_images(folder)
    assert images.names == TRAIN + VAL + OTHER[1:]  # OTHER[0] is in no pair
    assert [images.read(row) for row in range(len(images))] == [files[sfm.cid_path(cid)] for cid in images.names]
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


def test_sfm_result_depends_on_nothing_else(tmp_path, files, lists, run_sfm):
    """Not on workers, nor on NumPy's integers; the order in the archive changes where bytes stand alone."""
    one = contents(run_sfm(num_workers=1))
    assert contents(run_sfm(num_workers=3)) == one  # replaces the folder of the first run
    for split in lists.values():
        split["qidxs"] = [np.int64(x) for x in split["qidxs"]]
        split["pidxs"] = np.array(split["pidxs"], dtype=np.int32)
    assert contents(run_sfm()) == one
    for path in list(files)[::-1]:
        files[path] = files.pop(path)
    folder = run_sfm()
    assert contents(folder)["lists.npz"] == one["lists.npz"] and contents(folder)["images.tar"] != one["images.tar"]
    images = read_images(folder)
    assert [images.read(row) for row in range(8)] == [files[sfm.cid_path(cid)] for cid in images.names]


def test_sfm_bad_images_stop_or_are_excluded_with_their_pairs(tmp_path, files, lists, run_sfm):
    files[sfm.cid_path(TRAIN[0])] = files[sfm.cid_path(TRAIN[0])][:200]
    files[sfm.cid_path(OTHER[1])] = b""
    lists["whiten"] |= {"qidxs": [1, 3, 1], "pidxs": [2, 2, 3]}
    with pytest.raises(ValueError, match=r"2 of 8 images in .*ims.tar.gz cannot be used: .*\(2 in all\)") as error:
        run_sfm()
    assert TRAIN[0] in str(error.value) and OTHER[1] in str(error.value)
    assert not (tmp_path / "processed").exists() and len(list(tmp_path.iterdir())) == 1
    folder = run_sfm(on_bad_image="exclude")
    assert read_images(folder).names == TRAIN[1:] + VAL
    found = {name: values.tolist() for name, values in read_lists(folder).items() if not name.startswith("val")}
    assert found == {
        "train_images": [0, 1, 2], "train_clusters": [5, 9, 9], "train_queries": [1], "train_positives": [2],
        "whitening_queries": [2], "whitening_positives": [3],
    }  # fmt: skip
    odd = report(folder)
    assert odd["dropped"] == {
        "train_pairs": 2, "train_images": 1, "val_pairs": 0, "val_images": 0, "whitening_pairs": 2
    }  # fmt: skip
    assert odd["excluded"][OTHER[1]] == "an empty file" and "Truncated" in odd["excluded"][TRAIN[0]]
    files[sfm.cid_path(VAL[0])] = b"damaged"
    with pytest.raises(ValueError, match="no usable val pair"):
        run_sfm(on_bad_image="exclude")


def test_sfm_truncated_images_are_filled(files, run_sfm):
    """They keep their rows, pairs and own bytes, and training sees the pixels that the authors' loader gives."""
    files[sfm.cid_path(TRAIN[0])] = cut = image(0, (64, 48))[:700]
    folder = run_sfm(on_bad_image="fill")
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
    folder = run_sfm(on_bad_image="exclude")
    assert read_images(folder).names == TRAIN[1:] + VAL + OTHER[1:] and report(folder)["filled"] == {}


@pytest.mark.parametrize("data", [b"", b"<html></html>", image(0)[:200]], ids=["empty", "no image", "half a header"])
def test_what_has_no_header_cannot_be_filled(tmp_path, files, run_sfm, data):
    files[sfm.cid_path(TRAIN[0])] = data
    with pytest.raises(ValueError, match=rf"(?s)1 of 8 .*{TRAIN[0]}.*, not even filled; on_bad_image: exclude leaves"):
        run_sfm(on_bad_image="fill")
    assert not (tmp_path / "processed").exists()


@pytest.mark.parametrize(
    ("moved", "expected", "message"),
    [
        (dict.fromkeys(TRAIN[1:3]), None, f"2 of 8 listed .*ims.tar.gz: '{TRAIN[1]}', '{TRAIN[2]}' .2 in all"),
        ({TRAIN[0]: f"ims/{TRAIN[0]}"}, None, "1 of 8 listed images"),  # at another place
        ({}, {"train_images": 91642}, r"mini.pkl: 4 train_images, expected are 91642.*does not have 120,000"),
    ],
)
def test_sfm_refuses_missing_images_and_other_counts(files, run_sfm, moved, expected, message):
    for cid, path in moved.items():
        files[path or "another"] = files.pop(sfm.cid_path(cid))
    with pytest.raises(ValueError, match=message):
        run_sfm(expected=expected, on_bad_image="exclude")


def test_sfm_an_image_listed_twice_counts_once(lists, run_sfm):
    lists["train"] |= {"cids": [*TRAIN, TRAIN[0]], "cluster": [5, 5, 9, 9, 5], "qidxs": [4, 2], "pidxs": [1, 3]}
    folder = run_sfm()
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
def test_sfm_refuses_broken_lists(tmp_path, lists, run_sfm, split, changed, message):
    lists[split] |= changed
    with pytest.raises(ValueError, match=message):
        run_sfm()
    assert not (tmp_path / "processed").exists()


def test_sfm_refuses_missing_parts(tmp_path, lists, run_sfm):
    run_sfm()
    raw, settings = tmp_path / "raw", training_set("mini")
    whole = (raw / "ims.tar.gz").read_bytes()
    for change, message in (
        (lambda: (raw / "ims.tar.gz").write_bytes(whole[: len(whole) // 2]), r"ims.tar.gz, at its start: Compressed f"),
        (lambda: (raw / "ims.tar.gz").unlink(), r"no archive .*ims.tar.gz"),
        (
            lambda: write_pickle(raw / "mini.pkl", {"train": lists["train"]}),
            "mini.pkl: no 'val'; expected are train, v",
        ),
        (lambda: (raw / "mini.pkl").unlink(), r"no file .*mini.pkl"),
    ):
        change()
        with pytest.raises(ValueError, match=message):
            sfm.preprocess(raw, tmp_path / "other", settings, num_workers=1)
    assert sorted(x.name for x in tmp_path.iterdir()) == ["processed", "raw"]


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


def test_revisited_images_must_be_good_and_an_image_that_repeats_must_repeat_exactly(tmp_path, revisited_files):
    one, two = revisited_files.values()
    two["again/db_1.jpg"] = image(1)
    assert report(run_revisited(tmp_path / "a", revisited_files))["repeated_files"] == 1
    two["again/db_1.jpg"] = image(9)
    with pytest.raises(ValueError, match=r"two.tgz, 'again/db_1.jpg': image 'db_1' came before with other bytes"):
        run_revisited(tmp_path, revisited_files)
    del two["again/db_1.jpg"]
    one["paris/a/db_0.JPG"] = image(0)[:100]
    with pytest.raises(ValueError, match=r"1 of 5 images in .* cannot be used: 'db_0' \(1 in all\)"):
        run_revisited(tmp_path, revisited_files)
    del one["paris/a/db_0.JPG"]
    with pytest.raises(ValueError, match=r"1 of 5 listed images are not in .*one.tgz.*two.tgz: 'db_0' \(1 in all\)"):
        run_revisited(tmp_path, revisited_files)
    assert not (tmp_path / "processed").exists()


@pytest.mark.parametrize(
    ("query", "changed", "message"),
    [
        ({"bbx": None}, {}, "query 'q_0' has no box"),
        ({"bbx": [1, 2, 3]}, {}, "query 'q_0': 'bbx' is no list of four numbers"),
        ({"bbx": ["1", 2, 3, 4]}, {}, "'bbx' is no list of four numbers"),
        ({"bbx": [1, 2, 3, 10**400]}, {}, "'bbx' holds a number beyond all images"),
        ({"bbx": [1, 2, 3, float("nan")]}, {}, "'q_0': box .* four finite numbers"),
        ({"bbx": [9, 2, 3, 8]}, {}, "'q_0': box .* is empty"),
        ({"bbx": [40, 2, 60, 8]}, {}, "'q_0': box .* lies outside its image of 40 x 30 pixels"),
        ({"bbx": [0, 0, 40, 61]}, {}, "'q_0': box .* is more than twice its image of 40 x 30"),
        ({"easy": [3]}, {}, "query 'q_0', easy: 3 is out of range, accepted are 0 to 2"),
        ({"easy": [0]}, {}, r"gnd_mini.pkl, query .q_0., rows: 0 is listed twice"),
        ({"hard": "1"}, {}, "query 'q_0', hard: a list of whole numbers"),
        ({"bbx": ...}, {}, "query 'q_0' has no box"),
        ({"junk": ...}, {}, "query 'q_0': no 'junk'; expected are easy, hard, junk"),
        ({}, {"gnd": [GND[0], 7]}, "query 'q_0' has no box"),
        ({}, {"gnd": GND[:1]}, "2 qimlist but 1 gnd"),
        ({}, {"gnd": {}}, "gnd: a list with one entry a query is expected, found a dict"),
        ({}, {"imlist": []}, "2 queries, 0 database images; at least one"),
        ({}, {"imlist": ["db_0", "db_1", "db_1.jpg"]}, "gnd_mini.pkl, imlist: 'db_1' is listed twice"),
        ({}, {"imlist": ["db_0", "", "db_2"]}, r"gnd_mini.pkl, imlist: name 1 \(from 0\) is empty"),
        ({}, {"expected": {"database": 4993}}, "gnd_mini.pkl: 3 database, expected are 4993"),
        ({}, {"expected": {"images": 7}}, r"one.tgz, .*two.tgz: 6 images, expected are 7"),
        ({}, {"files": {"one.tgz": {}}}, "5 of 5 listed images are not in"),
    ],
)
def test_revisited_refuses_broken_lists(tmp_path, revisited_files, query, changed, message):
    """`query`: what differs of the second; ... is left out."""
    second = {key: value for key, value in (GND[1] | query).items() if value is not ...}
    with pytest.raises(ValueError, match=message):
        run_revisited(tmp_path, **{"files": revisited_files, "gnd": [GND[0], second]} | changed)
    assert not (tmp_path / "processed").exists()


# distractors


@pytest.fixture
def run_distractors(tmp_path):
    """A function that packs these archives by a list of names, and gives the set's folder."""

    def run(archives, names, *, num_archives=None, in_all=None, expected=None, on_bad_image="error"):
        for number, files in enumerate(archives, start=1):
            write_archive(tmp_path / f"raw/revisitop1m.{number}.tar.gz", files)
        (tmp_path / "raw").mkdir(exist_ok=True)
        (tmp_path / "raw/mini.txt").write_text(names)
        num_archives = len(archives) if num_archives is None else num_archives
        options = {"in_all": in_all or num_archives, "expected": expected, "on_bad_image": on_bad_image}
        settings = distractor_set("mini", num_archives, **options)
        distractors.preprocess(tmp_path / "raw", tmp_path / "processed", settings, num_workers=2)
        return tmp_path / "processed"

    return run


ARCHIVES = [{"jpg/00/c.jpg": image(2), "jpg/00/a.jpg": image(0)}, {"jpg/01/a.jpg": image(1, mode="L"), "jpg/x": b"?"}]


@pytest.mark.parametrize("prefix", ["", "jpg/"])
def test_distractors(run_distractors, prefix):
    names = [prefix + name for name in ("00/a.jpg", "01/a.jpg", "00/c.jpg")]
    folder = run_distractors(ARCHIVES, "\r\n".join(names) + "\n", expected=3)
    images = read_images(folder)
    assert images.names == names
    assert [images.read(row) for row in range(3)] == [image(0), image(1, mode="L"), image(2)]
    assert report(folder) == {
        "kind": "distractors", "images": 3, "listed": 3,
        "archives": {"revisitop1m.1.tar.gz": 2, "revisitop1m.2.tar.gz": 1}, "modes": {"L": 1, "RGB": 2},
        "exif_rotated": 0, "unlisted_files": 1, "repeated_files": 0, "excluded": {}, "filled": {},
    }  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == ["images.csv", "images.tar", "report.json"]


def test_the_first_archives_alone_or_none(run_distractors):
    """What a later archive holds is not missing; the list keeps its order and its expected count."""
    assert len(read_images(run_distractors([], "nobody reads it", in_all=100, expected=1001001))) == 0
    names = "01/a.jpg\n00/c.jpg\n00/a.jpg\n"
    folder = run_distractors(ARCHIVES, names, num_archives=1, in_all=2, expected=3)
    assert read_images(folder).names == ["00/c.jpg", "00/a.jpg"]
    assert report(folder)["listed"] == 3 and report(folder)["archives"] == {"revisitop1m.1.tar.gz": 2}


CUT, EMPTY = (ARCHIVES[0] | {"jpg/00/b.jpg": data} for data in (image(3, (64, 48))[:700], b""))


def test_distractors_with_bad_images_listed_by_file_name_alone(run_distractors):
    folder = run_distractors([EMPTY], "a.jpg\nb.jpg\nc.jpg", on_bad_image="exclude")
    assert read_images(folder).names == ["a.jpg", "c.jpg"] and report(folder)["excluded"] == {"b.jpg": "an empty file"}
    folder = run_distractors([CUT], "a.jpg\nb.jpg\nc.jpg", on_bad_image="fill")
    assert read_images(folder).filled.tolist() == [False, True, False] and list(report(folder)["filled"]) == ["b.jpg"]


@pytest.mark.parametrize(
    ("archives", "names", "changed", "message"),
    [
        (ARCHIVES[:1], "a.jpg\nc.jpg\nd.jpg\n", {}, r"1 of 3 listed images are not in .*: 'd.jpg' \(1 in all\)"),
        (ARCHIVES[:1], "a.jpg\nc.jpg\n", {"num_archives": 3}, r"2 of 3 archives are not in .*: 'revisitop1m.2.tar.gz'"),
        (ARCHIVES[:1], "a.jpg\nc.jpg\n", {"expected": 1001001}, r"mini.txt: 2 names, expected are 1001001"),
        (ARCHIVES[:1], "a.jpg\na.jpg\n", {}, r"mini.txt: 'a.jpg' is listed twice"),
        (ARCHIVES[:1], "a.jpg\n\nc.jpg\n", {}, r"mini.txt: line 2 is empty"),
        (ARCHIVES[:1], "\n", {}, r"mini.txt: line 1 is empty"),
        (ARCHIVES, "01/a.jpg\n00/c.jpg\n00/a.jpg\n", {"num_archives": 1}, "1 of 3 listed images are not in"),
        (ARCHIVES, "02/x.jpg\n", {"num_archives": 1, "in_all": 2}, "none of the 1 distractors can be used"),
        (ARCHIVES, "a.jpg\nc.jpg", {}, r"image 'a.jpg' came before with other bytes"),
        ([EMPTY], "a.jpg\nb.jpg\nc.jpg", {}, r"'b.jpg': an empty file"),
        ([EMPTY], "b.jpg", {"on_bad_image": "exclude"}, "none of the 1 distractors can be used"),
        ([CUT], "a.jpg\nb.jpg\nc.jpg", {}, r"'b.jpg': OSError: image file is truncated"),
    ],
)
def test_distractors_refuse(tmp_path, run_distractors, archives, names, changed, message):
    with pytest.raises(ValueError, match=message):
        run_distractors(archives, names, **changed)
    assert not (tmp_path / "processed").exists()


def test_memory_is_bounded_by_the_workers(run_distractors, monkeypatch):
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
    run_distractors([files], "\n".join(name[4:] for name in files))
    assert len(most) == 60 and max(most) <= 2 * packing._AHEAD
