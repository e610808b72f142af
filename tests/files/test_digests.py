import hashlib
import zlib

from aml.files import digests
from aml.files.digests import pieces_crc32
from tests import flipped


def test_a_digest_of_pieces_follows_each_byte_and_the_order_of_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(digests, "PIECE", 4)
    path, whole = tmp_path / "x", bytes(range(10))
    others = [flipped(whole, place) for place in range(10)]
    others += [whole[4:8] + whole[:4] + whole[8:], whole[:-1], whole + b"\0", b""]
    found = set()
    for content in (whole, *others):
        path.write_bytes(content)
        found.add(pieces_crc32(path))
    assert len(found) == 1 + len(others)
    path.write_bytes(whole)
    crcs = [zlib.crc32(piece) for piece in (whole[:4], whole[4:8], whole[8:])]
    assert pieces_crc32(path) == hashlib.sha256(repr([10, *crcs]).encode()).hexdigest()
