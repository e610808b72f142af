"""Where the authors' files come from."""

import hashlib
import json

import pytest

from aml.pretrained.files import bring


def test_places_are_tried_in_order_and_digests_noted(tmp_path):
    for folder, name in (("first", "a.pth"), ("second", "b.pth")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(name)
    options = {"folder": tmp_path / "here", "digests": tmp_path / "digests.json"}
    for name in ("a.pth", "b.pth"):
        assert bring(name, [f"{tmp_path}/first/{name}", f"{tmp_path}/second/{name}"], **options).read_text() == name
    assert sorted(json.loads((tmp_path / "digests.json").read_text())) == ["a.pth", "b.pth"]


def test_digits_in_a_name_are_of_the_sha256(tmp_path):
    digits = hashlib.sha256(b"weights").hexdigest()[:7]
    (tmp_path / f"a-{digits}.pth").write_bytes(b"weights")
    (tmp_path / "a-0000000.pth").write_bytes(b"weights")
    options = {"folder": tmp_path / "here", "digests": tmp_path / "digests.json"}
    assert bring(f"a-{digits}.pth", [f"{tmp_path}/a-{digits}.pth"], **options).read_bytes() == b"weights"
    with pytest.raises(ValueError, match=r"expected is 0000000\.\.\."):
        bring("a-0000000.pth", [f"{tmp_path}/a-0000000.pth"], **options)
