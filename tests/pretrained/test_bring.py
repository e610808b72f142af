"""Where the authors' files come from."""

import hashlib
import json

import pytest

from aml.params.pretrained import network_files, published_places
from aml.pretrained.files import bring, bring_network, bring_teacher

VALUES = {
    "networks": {"vgg16": {}},
    "published": {"vgg16": ["http://127.0.0.1:1/a-0000000.pth"]},
    "checkpoints": {
        "places": [],
        "files": {
            "vgg16": {"checkpoint": "teacher.pth", "whitening": None},
            "m-vgg16-reg": {"checkpoint": "student.pthaa.tar", "whitening": "student_whitening.pth"},
        },
    },
}


def test_places_are_tried_in_order_and_digests_noted(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, names in ((first, ["student.pthaa.tar"]), (second, ["student_whitening.pth", "teacher.pth"])):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(name)
    values = VALUES | {"checkpoints": VALUES["checkpoints"] | {"places": [f"{first}/", str(second)]}}
    options = {"folder": tmp_path / "here", "digests": tmp_path / "digests.json"}
    brought = bring_network(*network_files(values, "m-vgg16-reg"), **options)
    assert [path.read_text() for path in brought] == ["student.pthaa.tar", "student_whitening.pth"]
    assert bring_network(*network_files(values, "vgg16"), **options)[1] is None
    assert sorted(json.loads((tmp_path / "digests.json").read_text())) == sorted(path.name for path in here(tmp_path))
    with pytest.raises(ValueError, match=r"no 'nobody' in params\.yaml: checkpoints\.files; known: vgg16, m-vgg16-reg"):
        network_files(values, "nobody")


def here(folder):
    return (folder / "here").iterdir()


def test_digits_in_a_name_are_of_the_sha256(tmp_path):
    digits = hashlib.sha256(b"weights").hexdigest()[:7]
    (tmp_path / "mine.pth").write_bytes(b"weights")
    options = {"folder": tmp_path / "here", "digests": tmp_path / "digests.json"}
    assert bring(f"a-{digits}.pth", [str(tmp_path / "mine.pth")], **options).read_bytes() == b"weights"
    with pytest.raises(ValueError, match=r"expected is 0000000\.\.\."):
        bring("a-0000000.pth", [str(tmp_path / "mine.pth")], **options)


def test_a_teacher_s_file_is_named_by_its_first_place(tmp_path):
    (tmp_path / "mine.pth").write_bytes(b"weights")
    options = {"folder": tmp_path / "here", "digests": tmp_path / "digests.json"}
    places = ["file:///nowhere/teacher.pth", str(tmp_path / "mine.pth")]
    assert bring_teacher(places, **options).name == "teacher.pth"


def test_unknown_networks_and_places_are_refused():
    assert published_places(VALUES | {"published": None}) == {}
    assert published_places(VALUES) == VALUES["published"]
    with pytest.raises(ValueError, match=r"unknown 'vgg19' in params\.yaml: published; known: vgg16"):
        published_places(VALUES | {"published": {"vgg19": []}})
    with pytest.raises(ValueError, match=r"published\.vgg16 is 'x'; a list is expected"):
        published_places(VALUES | {"published": {"vgg16": "x"}})
