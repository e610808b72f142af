"""Small files made to fill the memory, to take for ever, or to end the process: what random damage hardly finds."""

import bz2
import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from functools import partial

import pytest

from aml import images
from aml.datasets import archives
from aml.params.reading import of_type, read_parameters
from tests.fuzz.watch import limited_memory

MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def little_memory():
    with limited_memory():
        yield


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK])
def test_a_name_of_gigabytes(tmp_path, kind):
    """64 MB of it packed into 64 kB, and a header that promises eight gigabytes."""
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 8**11 - 1
    (tmp_path / "x.tgz").write_bytes(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(64 * MEGABYTE), 1))
    with pytest.raises(ValueError, match=r"x\.tgz, at its start: what follows has a header of over 1048576 bytes"):
        list(archives.files(tmp_path / "x.tgz", is_wanted=lambda name: True, max_bytes=MEGABYTE))


@pytest.mark.parametrize(
    "kind, size",
    [(tarfile.REGTYPE, 2**62), (tarfile.REGTYPE, -1), (tarfile.REGTYPE, -512), (tarfile.GNUTYPE_SPARSE, 2**62)],
)
def test_sizes_that_cannot_be(tmp_path, kind, size):
    """Passing over 2^62 bytes that aren't there would take tarfile years; a sparse file has a second size, here 0."""
    first = tarfile.TarInfo("a")
    first.type, first.size = kind, size
    (tmp_path / "x.tar").write_bytes(first.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    with pytest.raises(ValueError, match=r"x\.tar, at "):
        list(archives.files(tmp_path / "x.tar", is_wanted=lambda name: False, max_bytes=MEGABYTE))


def test_a_sparse_file_of_zeros_that_are_not_there(tmp_path):
    member = tarfile.TarInfo("a")
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,0"}
    member.pax_headers |= {"GNU.sparse.size": str(1 << 39), "GNU.sparse.name": "a"}
    (tmp_path / "x.tar").write_bytes(member.tobuf(tarfile.PAX_FORMAT) + bytes(1024))
    with pytest.raises(ValueError, match="at 'a': it has 549755813888 bytes, at most 1048576 are accepted"):
        list(archives.files(tmp_path / "x.tar", is_wanted=lambda name: True, max_bytes=MEGABYTE))


@pytest.mark.parametrize("pack", [bz2.compress, partial(lzma.compress, preset=0)])
def test_a_tar_that_unpacks_to_a_large_file(tmp_path, pack):
    """Two times 64 MB of nothing, in some kB: one is passed over, one is refused."""
    members = b""
    for name in "ab":
        member = tarfile.TarInfo(name)
        member.size = 64 * MEGABYTE
        members += member.tobuf(tarfile.GNU_FORMAT) + bytes(member.size)
    (tmp_path / "x.tar").write_bytes(pack(members))
    with pytest.raises(ValueError, match=r"x\.tar, at 'b': it has 67108864 bytes, at most 1048576"):
        list(archives.files(tmp_path / "x.tar", is_wanted=lambda name: name == "b", max_bytes=MEGABYTE))


def test_a_zip_with_a_file_of_gigabytes(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a", bytes(64 * MEGABYTE))
    lying = bytearray((tmp_path / "x.zip").read_bytes())
    with pytest.raises(ValueError, match="'a': it has 67108864 bytes, at most 1048576"):
        list(archives.files(tmp_path / "x.zip", is_wanted=lambda name: True, max_bytes=MEGABYTE))
    for place in (lying.index(b"PK\1\2") + 24, 22):  # both headers now say that it has a megabyte
        lying[place : place + 4] = struct.pack("<I", MEGABYTE)
    (tmp_path / "x.zip").write_bytes(lying)
    with pytest.raises(ValueError, match="'a': Bad CRC-32"):
        list(archives.files(tmp_path / "x.zip", is_wanted=lambda name: True, max_bytes=MEGABYTE))


def png(width: int, height: int) -> bytes:
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("sides", [(30_000, 30_000), (9_000, 9_000), (2**31 - 1, 1)])
def test_images_of_gigapixels(sides):
    assert "at most 80000000" in images.check(png(*sides)).problem


def yaml_bomb(depth: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, depth)]
    return "\n".join(lines)


def test_aliases_of_aliases_are_never_written_out(tmp_path):
    (tmp_path / "params.yaml").write_text(yaml_bomb(30))
    values = read_parameters(tmp_path / "params.yaml")
    with pytest.raises(ValueError, match=r"params.yaml: seed is a list of 9 \(list\); int is expected"):
        of_type(int, values["a29"], "seed")
