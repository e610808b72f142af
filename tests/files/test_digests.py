import hashlib
import zlib

from aml.files import digests
from aml.files.digests import file_sha256, pieces_crc32
from tests import flipped


def test_a_file_s_digest(tmp_path):
    (tmp_path / "empty").touch()
    assert len(pieces_crc32(tmp_path / "empty")) == 64
    assert file_sha256(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_digest_of_pieces_follows_each_byte_and_the_order_of_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(digests, "PIECE", 4)
    path, whole = tmp_path / "x", bytes(range(10))
    others = [flipped(whole, place) for place in range(10)]
    others += [whole[4:8] + whole[:4] + whole[8:], whole[:-1], whole + b"\0"]
    found = set()
    for content in (whole, *others):
        path.write_bytes(content)
        found.add(pieces_crc32(path))
    assert len(found) == 1 + len(others)
    path.write_bytes(whole)
    crcs = [zlib.crc32(piece) for piece in (whole[:4], whole[4:8], whole[8:])]
    assert pieces_crc32(path) == hashlib.sha256(repr([10, *crcs]).encode()).hexdigest()
