import hashlib
import zlib

from aml.files import digests
from aml.files.digests import pieces_crc32


def test_a_digest_is_that_of_the_size_and_of_each_piece_s_crc32(tmp_path, monkeypatch):
    monkeypatch.setattr(digests, "PIECE", 4)
    for content in (bytes(range(10)), b""):
        (tmp_path / "x").write_bytes(content)
        crcs = [zlib.crc32(content[start : start + 4]) for start in range(0, len(content), 4)]
        assert pieces_crc32(tmp_path / "x") == hashlib.sha256(repr([len(content), *crcs]).encode()).hexdigest()
