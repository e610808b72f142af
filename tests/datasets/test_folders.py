"""A plain folder of photos, with or without a CSV, from params.yaml to a packed set."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aml.files.atomic import read_json
from aml.files.image_sets import read_ground_truth, read_images, read_lists, read_queries
from aml.images import read_pixels
from stages import download, preprocess
from tests.datasets.raw_folders import RUNTIME, image
from tests.pictures import encoded

LANDMARKS = "name,landmark,from\n" + "".join(
    f"{number}/{view}.jpg,L{number},me\n" for number in range(7) for view in "abc"
)
VIEWS = {f"{number}/{view}.jpg": image(10 * number + ord(view)) for number in range(7) for view in "abc"}


@pytest.fixture
def packed(tmp_path):
    """A function that writes files into a folder and packs them as a dataset, and gives the set's folder; its ground
    truth is the file labels.json beside it."""

    def pack(files: dict[str, bytes], table: str | None = None, kind="test", **changed) -> Path:
        for name, data in files.items():
            path = tmp_path / "my photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        settings = {"label": "Photos", "layout": "folder", "kind": kind, "csv": None, "exif_orientation": "apply"}
        settings |= {"on_bad_image": "exclude", "sources": [{"file": "p.tar", "places": [str(tmp_path / "my photos")]}]}
        if table is not None:
            settings["csv"] = "labels.csv"
            (tmp_path / "my photos/labels.csv").write_text(table, encoding="utf-8")
        values = {"datasets": {"photos": settings | changed}, "runtime": RUNTIME}
        download.main("photos", tmp_path / "raw", tmp_path / "digests.json", values)
        preprocess.main("photos", tmp_path / "raw", tmp_path / "photos", tmp_path / "labels.json", values)
        return tmp_path / "photos"

    return pack


def ground_truth(folder: Path) -> list[dict]:
    """Per query, the names of its easy, hard and junk images."""
    names = read_images(folder).names
    found = read_ground_truth(folder.with_name("labels.json"))
    return [{label: [names[row] for row in rows] for label, rows in query.items()} for query in found]


def turned(data: bytes, file_format: str) -> bytes:
    """The image in another format, with an EXIF note that it is to be turned by 90 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.open(io.BytesIO(data)), file_format, exif=exif, quality=95)


def test_a_database_without_csv(packed):
    """Nested folders, spaces, Unicode, capitals; two images of one name are two; other files are left out."""
    files = {"a/x y.JPG": image(0), "b/x y.JPG": image(1), "Münster.png": image(2, file_format="PNG")}
    files["w.WebP"] = image(3, file_format="WEBP")
    folder = packed(files | {".x.jpg": b"", ".y/z.jpg": b"", "film.mp4": b"12"}, kind="database")
    images = read_images(folder)
    assert images.names == sorted(files) and [images.read(row) for row in range(4)] == [files[x] for x in images.names]
    report = read_json(folder / "report.json")
    assert (report["images"], report["other_files"], report["converted"]) == (4, 1, 0)
    assert read_json(folder.with_name("labels.json")) == {}


@pytest.mark.parametrize("orientation", ["apply", "ignore"])
def test_photos_are_turned_and_foreign_formats_converted(packed, orientation):
    """What is packed has the pixels that Pillow shows, upright; a TIFF comes upright in any case."""
    original = image(0, file_format="PNG")
    files = {name: turned(original, kind) for name, kind in (("a.jpg", "JPEG"), ("b.png", "PNG"), ("c.TIF", "TIFF"))}
    files["d.tiff"] = image(1, file_format="TIFF")
    folder = packed(files, kind="database", exif_orientation=orientation)
    images = read_images(folder)
    pixels = np.array(Image.open(io.BytesIO(original)))
    upright = np.rot90(pixels, -1)
    assert np.array_equal(read_pixels(images, 1), upright if orientation == "apply" else pixels)
    assert np.array_equal(read_pixels(images, 2), upright)
    assert np.array_equal(read_pixels(images, 3), np.array(Image.open(io.BytesIO(files["d.tiff"]))))
    assert images.sizes.tolist() == [[30, 40] if orientation == "apply" else [40, 30]] * 2 + [[30, 40], [40, 30]]
    assert read_json(folder / "report.json")["converted"] == (4 if orientation == "apply" else 2)
    assert (images.read(0) == files["a.jpg"]) is (orientation == "ignore")


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("bad.jpg", b"no image", "no image of a known format"),
        ("cut.jpg", image(1, (400, 300))[:-900], "truncated"),
        ("empty.png", b"", "an empty file"),
        ("grey.tif", image(1, mode="I;16", file_format="TIFF"), "16 or more bits a pixel"),
        ("phone.heic", b"\0\0\0\x18ftypheic" + bytes(100), "pillow-heif|UnidentifiedImageError"),
        ("a\nb.jpg", image(1), "no control characters"),
        (b"\xff.jpg".decode(errors="surrogateescape"), image(1), "not valid Unicode"),
    ],
)
def test_one_odd_image_is_named_and_left_out(packed, name, data, problem):
    """The one that is left is a database."""
    folder = packed({"good.jpg": image(0), name: data}, kind="database")
    assert read_images(folder).names == ["good.jpg"]
    (found,) = read_json(folder / "report.json")["excluded"]
    assert found == name.encode(errors="backslashreplace").decode()
    with pytest.raises(ValueError, match=f"(?s)cannot be used: .*({problem})"):
        packed({}, kind="database", on_bad_image="error")


def test_a_test_set(packed):
    """Queries with and without box, one of them in the database; names with spaces, by semicolons or by spaces."""
    table = """\ufeffname,role,easy,hard,junk,x0,y0,x1,y1,photographer
old gate.jpg,query,gate 1.jpg sub/gate 2.jpg,tower.jpg,,2,3,38,29,me
tower 2.jpg,query,tower.jpg,,gate 1.jpg;sub/gate 2.jpg,,,,,
tower.jpg,query,,,,,,,,
tower.jpg,database,,,,,,,,
"""
    names = ["gate 1.jpg", "old gate.jpg", "sub/gate 2.jpg", "tower 2.jpg", "tower.jpg"]
    folder = packed({name: image(number) for number, name in enumerate(names)}, table)
    queries = read_queries(folder)
    assert read_images(folder).names == ["gate 1.jpg", "sub/gate 2.jpg", "tower.jpg"]
    assert queries.names == ["old gate.jpg", "tower 2.jpg", "tower.jpg"]
    assert queries.boxes.tolist() == [[2, 3, 38, 29], [0, 0, 40, 30], [0, 0, 40, 30]]
    assert ground_truth(folder) == [
        {"easy": ["gate 1.jpg", "sub/gate 2.jpg"], "hard": ["tower.jpg"], "junk": []},
        {"easy": ["tower.jpg"], "hard": [], "junk": ["gate 1.jpg", "sub/gate 2.jpg"]},
        {"easy": [], "hard": [], "junk": ["tower.jpg"]},
    ]
    report, labels = read_json(folder / "report.json"), read_json(folder.with_name("labels.json"))
    assert report["queries_without_box"] == ["tower 2.jpg", "tower.jpg"] and report["queries_in_database"] == 1
    assert labels["queries_without_positives"] == ["tower.jpg"] and labels["unknown_keys"] == {"'photographer'": 1}


def test_an_odd_image_leaves_its_labels_and_queries_too(packed):
    name = "a\u2028b.jpg"  # a separator of lines in Unicode, not in a CSV
    table = f'name;role;easy\nq.jpg;query;"{name};bad.jpg"\nbad query.jpg;query;{name}\n'  # as spreadsheets write it
    files = {"q.jpg": image(0), name: image(1), "bad.jpg": b"", "bad query.jpg": b""}
    folder = packed(files, table)
    assert ground_truth(folder) == [{"easy": [name], "hard": [], "junk": []}]
    report = read_json(folder / "report.json")
    assert (report["dropped_queries"], report["dropped_labels"], len(report["excluded"])) == (1, 1, 2)


def test_a_training_set(packed):
    """Every fifth landmark with two images validates; pairs are within landmarks; one without a line is not packed."""
    folder = packed(
        VIEWS | {"single.jpg": image(5), "other.jpg": image(6)}, LANDMARKS + "single.jpg,A,me\n", "training"
    )
    names, lists = read_images(folder).names, read_lists(folder)
    assert names == [*sorted(VIEWS), "single.jpg"]
    assert {names[row][0] for row in lists["val_images"]} == {"0", "5"} and len(lists["train_images"]) == 16
    for split in ("train", "val"):
        cluster = dict(zip(lists[f"{split}_images"], lists[f"{split}_clusters"], strict=True))
        pairs = list(zip(lists[f"{split}_queries"].tolist(), lists[f"{split}_positives"].tolist(), strict=True))
        assert len(set(pairs)) == len(pairs) == 6 * (2 if split == "val" else 5)
        assert all(cluster[one] == cluster[other] and one != other for one, other in pairs)
        assert len({(names[row][0], number) for row, number in cluster.items()}) == len(set(cluster.values()))
    assert np.array_equal(lists["whitening_queries"], lists["train_queries"])
    assert read_json(folder / "report.json")["not_in_the_csv"] == 1


TWO = {"a.jpg": image(0), "b.jpg": image(1)}


@pytest.mark.parametrize(
    ("kind", "files", "table", "message"),
    [
        ("database", {}, None, "an empty folder"),
        ("database", {"notes.txt": b"1"}, None, r"no image \(.jpg, .*\) among 1 files"),
        ("test", {"a.jpg": image(0)}, "name,role,easy\na.jpg,query,\n", "none of 1 queries has a positive"),
        ("training", {"a.jpg": image(0)}, "name,landmark\na.jpg,A\n", "0 of 1 landmarks have two images or more"),
        ("training", TWO, "name,landmark\nc.jpg,A\n", r"images that the folder lacks: 'c.jpg' .* as 'a.jpg'"),
        ("training", TWO, "name,landmark\na.jpg,A\na.jpg,B\n", "'a.jpg' is listed twice"),
        ("training", TWO, "name,landmark\na.jpg,\n", "line 2: no landmark"),
        ("training", TWO, "name,place\na.jpg,A\n", r"no column 'landmark' among \['name', 'place'\]"),
        ("training", TWO, "name,landmark\na.jpg\n", "line 2: 1 values, expected are 2"),
        ("test", TWO, "name,role,easy\na.jpg,query,c.jpg\n", "line 2, easy: the folder has no image 'c.jpg'"),
        ("test", TWO, "name,role,easy,hard\na.jpg,query,b.jpg,b.jpg\n", "line 2: 'b.jpg' is listed twice"),
        ("test", TWO, "name,role,easy\na.jpg,query,b.jpg\na.jpg,query,b.jpg\n", "queries: .*'a.jpg'.* is listed twice"),
        ("test", TWO, "name,role,easy\na.jpg,query,a.jpg\n", "labels on queries that are not in the database: 'a.jpg'"),
        ("test", TWO, "name,role,easy\na.jpg,asks,b.jpg\n", "line 2: role 'asks'; accepted: query, or database"),
        ("test", TWO, "name,role,easy,x0,y0,x1,y1\na.jpg,query,b.jpg,1,2,3,\n", "accepted: four numbers"),
        ("test", TWO, "name,role,easy,x0,y0,x1,y1\na.jpg,query,b.jpg,50,0,60,9\n", "'a.jpg': box .* lies outside its"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(packed, tmp_path, kind, files, table, message):
    (tmp_path / "my photos").mkdir()
    with pytest.raises(ValueError, match=message):
        packed(files, table, kind)
    assert not (tmp_path / "photos").exists()
