"""Small files made to fill the memory, to take for ever, or to end the process: what random damage hardly finds."""

import bz2
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from functools import partial

import numpy as np
import pytest
import torch

from aml import decoding
from aml.datasets import archives, pickles
from aml.params.reading import of_type, read_parameters
from aml.pretrained.checkpoints import read_checkpoint
from tests.datasets.test_pickles import INT, NEW_ARRAY, global_
from tests.fuzz.watch import limited_memory

MEGABYTE = 1 << 20
NEST = b")" + b"\x85" * 50_000  # a tuple in a tuple in ...
LAUGHS = b"K\x01" + b"2\x86" * 60  # each tuple holds the one before twice: 2^60 numbers


@pytest.fixture(autouse=True)
def little_memory():
    with limited_memory():
        yield


def refused(folder, data, message):
    (folder / "x.pkl").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        pickles.load(folder / "x.pkl", max_bytes=64 * MEGABYTE)


@pytest.mark.parametrize("key", [NEST, LAUGHS], ids=["nest", "laughs"])
def test_tuples_that_cannot_be_hashed_or_printed(tmp_path, key):
    refused(tmp_path, key + b"\x8c\x01a\x93.", "it asks for a str in a tuple")
    refused(tmp_path, global_(b"numpy", b"dtype") + b"(" + key + b"tR.", "an array of dtype a tuple")
    refused(tmp_path, global_(b"_codecs", b"encode") + b"(\x8c\x01a" + key + b"tR.", "not encoded as latin1")
    refused(tmp_path, b"}" + key + b"Ns.", "has a tuple as a key")
    refused(tmp_path, NEW_ARRAY + b"(K\x01" + key + INT + b"I00\nC\x08abcdefghtb.", "impossible shape")


def test_arrays_of_one_text_again_and_again(tmp_path):
    text = b"B" + struct.pack("<i", MEGABYTE) + bytes(MEGABYTE) + b"q\x01"
    size = b"(J" + struct.pack("<i", MEGABYTE // 8) + b"t"
    array = NEW_ARRAY + b"(K\x01" + size + INT + b"I00\nh\x01tb"
    refused(tmp_path, b"(" + text + array * 100 + b"l.", "its calls make more than 16 times its size")
    refused(
        tmp_path,
        b"(X\x00\x00\x01\x00"
        + b"a" * 65536
        + b"q\x01"
        + (global_(b"_codecs", b"encode") + b"(h\x01\x8c\x06latin1tR") * 2000
        + b"l.",
        "more than 16 times",
    )


def test_too_many_opcodes(tmp_path, monkeypatch):
    monkeypatch.setattr(pickles, "MAX_OPCODES", 1000)
    refused(tmp_path, b"\x8f" * 1000 + b".", "more than 1000 opcodes")
    (tmp_path / "x.pkl").write_bytes(b"(" + b"\x8f" * 996 + b"l.")
    assert len(pickles.load(tmp_path / "x.pkl", max_bytes=2000)) == 996


def test_shapes_of_huge_numbers(tmp_path):
    number = b"\x8b" + struct.pack("<i", 100_000) + b"\x7f" * 100_000
    refused(tmp_path, NEW_ARRAY + b"(K\x01(" + number * 3 + b"t" + INT + b"I00\nC\x08abcdefghtb.", "impossible shape")


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


def test_xz_with_a_dictionary_of_gigabytes(tmp_path):
    packed = bytearray(lzma.compress(bytes(1000)))
    assert packed[14:16] == b"\x21\x01"  # LZMA2, and one byte for the dictionary
    packed[16] = 40  # 4 GiB
    packed[20:24] = struct.pack("<I", zlib.crc32(packed[12:20]))
    (tmp_path / "x.tar.xz").write_bytes(packed)
    with pytest.raises(ValueError, match=r"x.tar.xz, at its start: Memory usage limit exceeded"):
        list(archives.files(tmp_path / "x.tar.xz", is_wanted=lambda name: True, max_bytes=MEGABYTE))


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


def test_a_zip_with_a_table_of_gigabytes(tmp_path):
    """Of files without contents: 46 bytes each in the table, of which Python makes ten times as much."""
    entry = b"PK\1\2" + bytes(42)
    table = entry * (17 * MEGABYTE // len(entry))
    end = b"PK\5\6" + bytes(8) + struct.pack("<II", len(table), 4) + bytes(2)
    (tmp_path / "x.zip").write_bytes(b"PK\3\4" + table + end)
    with pytest.raises(ValueError, match=r"x.zip, at its start: it has over 4 GB or very many files"):
        list(archives.files(tmp_path / "x.zip", is_wanted=lambda name: True, max_bytes=MEGABYTE))


def png(width: int, height: int) -> bytes:
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("sides", [(30_000, 30_000), (9_000, 9_000), (2**31 - 1, 1)])
def test_images_of_gigapixels(sides):
    assert "at most 80000000" in decoding.check(png(*sides)).problem


def checkpoint(folder, content) -> bytes:
    torch.save(content, folder / "whole.pth")
    return (folder / "whole.pth").read_bytes()


def refused_checkpoint(folder, data, message):
    (folder / "x.pth").write_bytes(data)
    with pytest.raises(ValueError, match=f"x.pth is no readable file of tensors and arrays: {message}"):
        read_checkpoint(folder / "x.pth")


def test_a_tensor_of_more_numbers_than_its_storage(tmp_path):
    refused_checkpoint(tmp_path, checkpoint(tmp_path, {"m": torch.ones(1).expand(1 << 40)}), "it has a tensor of shape")


def test_compressed_and_overlapping_members(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"]" + bytes(64 * MEGABYTE))
    refused_checkpoint(tmp_path, file.getvalue(), "it is compressed, which torch.save never does")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps({}))
        archive.writestr("x/data/0", bytes(MEGABYTE))
        large = archive.getinfo("x/data/0")
        for number in range(1, 50):  # entries of the directory that all lead to the same bytes
            again = zipfile.ZipInfo(f"x/data/{number}")
            again.header_offset, again.file_size, again.compress_size = large.header_offset, MEGABYTE, MEGABYTE
            again.CRC = large.CRC
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
    refused_checkpoint(tmp_path, file.getvalue(), "its members overlap")


def test_storages_that_are_not_there(tmp_path):
    torch.save({"m": torch.ones(3)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    data = (tmp_path / "old.pth").read_bytes()
    place = data.rindex(struct.pack("<q", 3))
    refused_checkpoint(tmp_path, data[:place] + struct.pack("<q", 1 << 40) + data[place + 8 :], "storage .* is cut off")


def test_torch_s_own_calls_are_not_among_ours(tmp_path):
    """Of the calls that torch's reader makes with weights_only, one is a bytearray of any size."""
    for call in (
        b"cbuiltins\nbytearray\n(L1099511627776L\ntR.",
        b"ctorch\nTensor\n(K\x01tR.",
        b"ctorch\ndevice\n(X\x04\0\0\0cudatR.",
    ):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("x/data.pkl", b"\x80\x02" + call)
        refused_checkpoint(tmp_path, file.getvalue(), "it asks for .*, which is not plain data")


def yaml_bomb(depth: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, depth)]
    return "\n".join(lines)


def test_aliases_of_aliases_are_never_written_out(tmp_path):
    (tmp_path / "params.yaml").write_text(yaml_bomb(30))
    values = read_parameters(tmp_path / "params.yaml")
    with pytest.raises(ValueError, match=r"params.yaml: seed is a list of 9 \(list\); int is expected"):
        of_type(int, values["a29"], "seed")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "[" * 1500, "RecursionError"),
        ("a: " + "{b: " * 1500, "RecursionError"),
        ("a: 1\n" * 60_000, "has 300000 bytes; at most 262144 are accepted"),
        ('a: !!int ""', "IndexError"),
        ("a: !!bool maybe", "KeyError"),
        ("a: !!timestamp soon", "AttributeError"),
        ("a: " + "9" * 5000, "Exceeds the limit"),
        ("<<: [{a: 1}, {a: 1}]", "could not determine a constructor for the tag 'tag:yaml.org,2002:merge'"),
    ],
)
def test_yaml_that_no_file_of_ours_has(tmp_path, text, message):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_parameters(tmp_path / "params.yaml")


def test_numbers_beyond_all_floats():
    with pytest.raises(ValueError, match="rate is a number of 4001 bits; a finite number is expected"):
        of_type(float, 1 << 4000, "rate")


def test_the_limits_are_far_above_what_is_real(tmp_path):
    """A whitening of 2048 dimensions among the plain data of an old file, as a teacher has it, twice."""
    arrays = {"ss": {"P": np.ones((512, 512))}, "ms": {"P": np.ones((512, 512)), "m": np.ones((512, 1))}}
    torch.save(
        {"meta": {"Lw": arrays}, "state_dict": {"w": torch.ones(4)}},
        tmp_path / "t.pth",
        _use_new_zipfile_serialization=False,
    )
    found = read_checkpoint(tmp_path / "t.pth")
    assert found["meta"]["Lw"]["ms"]["P"].shape == (512, 512) and found["state_dict"]["w"].tolist() == [1] * 4
