import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aml.datasets import archives
from tests.fuzz.inputs import damaged, fuzzed
from tests.fuzz.watch import ends_well

NAMES = ["jpg/a.jpg", "../up.jpg", "/root.jpg", "é/" * 40 + "long.jpg", "x" * 300, "", ".", "a/../../b"]
TYPES = [bytes([code]) for code in b"01234567LKSxgXNVDMA\x00"]
SIZES = [0, 1, 511, 512, 700, 2**20, 2**33, 2**60, -1, -(2**40)]


FILES = {name: bytes(range(200)) * 4 for name in ("jpg/a.jpg", "c" * 60 + "/" + "b" * 80 + ".jpg", "é.jpg")}


def tar(members: list[tuple[tarfile.TarInfo, bytes]], tar_format: int) -> bytes:
    parts = []
    for member, data in members:
        parts += [member.tobuf(tar_format, "utf-8", "surrogateescape"), data, bytes(-len(data) % 512)]
    return b"".join(parts) + bytes(1024)


def plain(tar_format):
    members = [(tarfile.TarInfo(name), data) for name, data in FILES.items()]
    for member, data in members:
        member.size = len(data)
    return tar(members, tar_format)


WHOLE = [plain(tarfile.GNU_FORMAT), plain(tarfile.PAX_FORMAT), plain(tarfile.USTAR_FORMAT)]


def zipped(method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, data in FILES.items():
            made.writestr(name, data)
    return file.getvalue()


@st.composite
def members(draw):
    member = tarfile.TarInfo(draw(st.sampled_from(NAMES)))
    member.type = draw(st.sampled_from(TYPES))
    member.size = draw(st.sampled_from(SIZES))
    member.linkname = draw(st.sampled_from(["", "a", "/etc/passwd"]))
    keys = ["size", "path", "GNU.sparse.major", "GNU.sparse.size", "GNU.sparse.map", "mtime", "uid", "hdrcharset"]
    texts = st.sampled_from(["", "0", "1", "-1", "9" * 30, "nan", "1,2,3", "x=y", "/a", "../b", "BINARY", "0,512,9,9"])
    member.pax_headers = draw(st.dictionaries(st.sampled_from(keys), texts, max_size=3))
    data = draw(st.sampled_from([b"", b"x", b"7\n" * 600, b"30 path=../../up\n", b"9" * 1024, bytes(3000)]))
    return member, data


@st.composite
def built(draw):
    found, made = draw(st.lists(members(), max_size=4)), draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    try:
        return tar(found, made)
    except ValueError:  # a number that this format has no room for
        return b""


def read(folder, data):
    path = folder / "x.tgz"
    path.write_bytes(data)
    found = ends_well(lambda: list(archives.files(path, is_wanted=str, max_bytes=1 << 16)), folder)
    for name, contents in found or []:
        assert not name.startswith("/") and ".." not in name.split("/") and len(contents) <= 1 << 16


DAMAGED = {
    "plain": damaged(*WHOLE),
    "below the compression": damaged(*WHOLE).map(gzip.compress),
    "of the compression": damaged(*map(gzip.compress, WHOLE)),
    "of others": damaged(*map(bz2.compress, WHOLE), *map(lzma.compress, WHOLE), zipped(0), zipped(8)),
}


@pytest.mark.parametrize("kind", DAMAGED)
@fuzzed
@given(data=st.data())
def test_damaged_archives(folder, kind, data):
    read(folder, data.draw(DAMAGED[kind]))


@fuzzed
@given(data=built(), is_packed=st.booleans())
def test_any_members(folder, data, is_packed):
    read(folder, gzip.compress(data) if is_packed else data)
