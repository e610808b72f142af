import pytest

from aml.files import digests
from aml.files.atomic import read_json, write_json
from aml.files.digests import file_sha256, pieces_crc32


def test_content_comes_back_in_its_order(tmp_path):
    content = {"b": [1, 2.5, None], "a": {"é": "x", "mAP": 36.71}, "n": -1e-17}
    write_json(tmp_path / "x.json", content)
    found = read_json(tmp_path / "x.json", "a", "n")
    assert found == content and list(found) == list(content)


@pytest.mark.parametrize("text", ["", "[]", "3", '"a"', "{}", '{"b": 1}', '{"a": 1', "[" * 10_000])
def test_what_is_not_an_object_with_its_keys_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=r"x.json is damaged: .*; run `python -m tools.repair --verify`"):
        read_json(tmp_path / "x.json", "a")


def test_a_file_s_digest(tmp_path):
    (tmp_path / "empty").touch()
    assert len(pieces_crc32(tmp_path / "empty")) == 64
    assert file_sha256(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_digest_of_pieces_follows_each_byte_and_the_order_of_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(digests, "PIECE", 4)
    path, whole = tmp_path / "x", bytes(range(10))
    others = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(10)]
    others += [whole[4:8] + whole[:4] + whole[8:], whole[:-1], whole + b"\0"]
    found = set()
    for content in (whole, *others):
        path.write_bytes(content)
        found.add(pieces_crc32(path))
    assert len(found) == 1 + len(others)
