"""Small files made to fill the memory, to take for ever, or to end the process: what random damage hardly finds."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from functools import partial

import pytest

from aml.datasets import archives
from aml.params.reading import of_type, read_parameters
from tests.fuzz.watch import limited_memory

MEGABYTE = 1 << 20


@pytest.fixture
def read(tmp_path):
    """A function that reads an archive of these bytes, where memory is short."""

    def archived(data: bytes, is_wanted=lambda name: True) -> list:
        (tmp_path / "x.tar").write_bytes(data)
        return list(archives.files(tmp_path / "x.tar", is_wanted=is_wanted, max_bytes=MEGABYTE))

    with limited_memory():
        yield archived


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK])
def test_a_name_of_gigabytes(read, kind):
    """64 MB of it packed into 64 kB, and a header that promises eight gigabytes."""
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 8**11 - 1
    with pytest.raises(ValueError, match=r"x\.tar, at its start: what follows has a header of over 1048576 bytes"):
        read(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(64 * MEGABYTE), 1))


@pytest.mark.parametrize(
    "kind, size",
    [(tarfile.REGTYPE, 2**62), (tarfile.REGTYPE, -1), (tarfile.REGTYPE, -512), (tarfile.GNUTYPE_SPARSE, 2**62)],
)
def test_sizes_that_cannot_be(read, kind, size):
    """Passing over 2^62 bytes that aren't there would take tarfile years; a sparse file has a second size, here 0."""
    first = tarfile.TarInfo("a")
    first.type, first.size = kind, size
    with pytest.raises(ValueError, match=r"x\.tar, at "):
        read(first.tobuf(tarfile.GNU_FORMAT) + bytes(2048), lambda name: False)


def test_a_sparse_file_whose_map_is_missing(read):
    member = tarfile.TarInfo("a")
    member.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[482] = 1  # the map goes on in the next block
    header[148:156] = b"%06o\0 " % tarfile.calc_chksums(header)[0]
    with pytest.raises(ValueError, match=r"x\.tar, at its start: "):
        read(header)


def test_a_sparse_file_of_zeros_that_are_not_there(read):
    member = tarfile.TarInfo("a")
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,0"}
    member.pax_headers |= {"GNU.sparse.size": str(1 << 39), "GNU.sparse.name": "a"}
    with pytest.raises(ValueError, match="at 'a': it has 549755813888 bytes, at most 1048576 are accepted"):
        read(member.tobuf(tarfile.PAX_FORMAT) + bytes(1024))


@pytest.mark.parametrize("pack", [bz2.compress, partial(lzma.compress, preset=0)])
def test_a_tar_that_unpacks_to_a_large_file(read, pack):
    """Two times 64 MB of nothing, in some kB: one is passed over, one is refused."""
    members = b""
    for name in "ab":
        member = tarfile.TarInfo(name)
        member.size = 64 * MEGABYTE
        members += member.tobuf(tarfile.GNU_FORMAT) + bytes(member.size)
    with pytest.raises(ValueError, match=r"x\.tar, at 'b': it has 67108864 bytes, at most 1048576"):
        read(pack(members), lambda name: name == "b")


def test_a_zip_with_a_file_of_gigabytes(read):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a", bytes(64 * MEGABYTE))
    lying = bytearray(file.getvalue())
    with pytest.raises(ValueError, match="'a': it has 67108864 bytes, at most 1048576"):
        read(lying)
    for place in (lying.index(b"PK\1\2") + 24, 22):  # both headers now say that it has a megabyte
        lying[place : place + 4] = struct.pack("<I", MEGABYTE)
    with pytest.raises(ValueError, match="'a': Bad CRC-32"):
        read(lying)


def test_aliases_of_aliases_are_never_written_out(read, tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    (tmp_path / "params.yaml").write_text("\n".join(lines))
    values = read_parameters(tmp_path / "params.yaml")
    with pytest.raises(ValueError, match=r"params.yaml: seed is a list of 9 \(list\); int is expected"):
        of_type(int, values["a29"], "seed")
