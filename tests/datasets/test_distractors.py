"""Distractors in the layout of R1M."""

import pytest

from aml.files.image_sets import read_images
from tests.datasets.raw_folders import image, pack_distractors, report, write_archive

ARCHIVES = [{"jpg/00/c.jpg": image(2), "jpg/00/a.jpg": image(0)}, {"jpg/01/a.jpg": image(1, mode="L"), "jpg/x": b"?"}]
B = image(3, (64, 48))
CUT, HALF_A_HEADER, EMPTY = (ARCHIVES[0] | {"jpg/00/b.jpg": data} for data in (B[:700], B[:200], b""))


@pytest.fixture
def packed(tmp_path):
    """A function that packs these archives by a list of names, and gives the set's folder."""

    def run(archives, names, *, num_archives=None, in_all=None, **settings):
        for number, files in enumerate(archives, start=1):
            write_archive(tmp_path / f"raw/revisitop1m.{number}.tar.gz", files)
        (tmp_path / "raw").mkdir(exist_ok=True)
        (tmp_path / "raw/mini.txt").write_text(names)
        num_archives = len(archives) if num_archives is None else num_archives
        return pack_distractors(tmp_path, num_archives, in_all or num_archives, **settings)

    return run


@pytest.mark.parametrize("prefix", ["", "jpg/"])
def test_distractors(packed, prefix):
    names = [prefix + name for name in ("00/a.jpg", "01/a.jpg", "00/c.jpg")]
    folder = packed(ARCHIVES, "\r\n".join(names) + "\n", expected=3)
    images = read_images(folder)
    assert images.names == names
    assert [images.read(row) for row in range(3)] == [image(0), image(1, mode="L"), image(2)]
    assert report(folder) == {
        "kind": "distractors", "images": 3, "listed": 3,
        "archives": {"revisitop1m.1.tar.gz": 2, "revisitop1m.2.tar.gz": 1}, "modes": {"L": 1, "RGB": 2},
        "exif_rotated": 0, "unlisted_files": 1, "repeated_files": 0, "excluded": {}, "filled": {},
    }  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == ["images.csv", "images.tar", "report.json"]


def test_the_first_archives_alone_or_none(packed):
    """What a later archive holds is not missing; the list keeps its order and its expected count."""
    assert len(read_images(packed([], "nobody reads it", in_all=100, expected=1001001))) == 0
    names = "01/a.jpg\n00/c.jpg\n00/a.jpg\n"
    folder = packed(ARCHIVES, names, num_archives=1, in_all=2, expected=3)
    assert read_images(folder).names == ["00/c.jpg", "00/a.jpg"]
    assert report(folder)["listed"] == 3 and report(folder)["archives"] == {"revisitop1m.1.tar.gz": 2}


def test_bad_images_listed_by_file_name_alone(packed):
    folder = packed([EMPTY], "a.jpg\nb.jpg\nc.jpg", on_bad_image="exclude")
    assert read_images(folder).names == ["a.jpg", "c.jpg"] and report(folder)["excluded"] == {"b.jpg": "an empty file"}
    folder = packed([CUT], "a.jpg\nb.jpg\nc.jpg", on_bad_image="fill")
    images, found = read_images(folder), report(folder)
    assert images.names == ["a.jpg", "b.jpg", "c.jpg"] and images.filled.tolist() == [False, True, False]
    assert images.read(1) == B[:700] and images.sizes[1].tolist() == [64, 48]
    assert found["excluded"] == {} and list(found["filled"]) == ["b.jpg"] and "truncated" in found["filled"]["b.jpg"]


@pytest.mark.parametrize(
    ("archives", "names", "changed", "message"),
    [
        (ARCHIVES[:1], "a.jpg\nd.jpg", {"on_bad_image": "exclude"}, r"1 of 2 listed images are not in .*: 'd.jpg'"),
        (ARCHIVES[:1], "a.jpg\nc.jpg\n", {"num_archives": 3}, r"no archive .*/revisitop1m\.2\.tar\.gz"),
        (ARCHIVES[:1], "a.jpg\nc.jpg\n", {"expected": 1001001}, r"mini.txt: 2 names, expected are 1001001"),
        (ARCHIVES[:1], "a.jpg\na.jpg\n", {}, r"mini.txt: 'a.jpg' is listed twice"),
        (ARCHIVES[:1], "a.jpg\n\nc.jpg\n", {}, r"mini.txt: line 2 is empty"),
        (ARCHIVES[:1], "\n", {}, r"mini.txt: line 1 is empty"),
        (ARCHIVES, "02/x.jpg\n", {"num_archives": 1, "in_all": 2}, "none of the 1 distractors can be used"),
        ([CUT], "a.jpg\nb.jpg\nc.jpg", {}, r"'b.jpg': OSError: image file is truncated"),
        ([{"a\x01.jpg": image(0)}], "a\x01.jpg", {}, r"image name 'a\\x01.jpg': .* no control characters are accepted"),
        ([HALF_A_HEADER], "b.jpg", {"on_bad_image": "fill"}, r"(?s)1 of 1 .*, not even filled; on_bad_image: exclude"),
    ],
)
def test_distractors_are_refused(tmp_path, packed, archives, names, changed, message):
    with pytest.raises(ValueError, match=message):
        packed(archives, names, **changed)
    assert not (tmp_path / "processed/mini").exists()
