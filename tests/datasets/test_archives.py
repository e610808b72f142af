import gzip
import lzma
import stat
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from aml.datasets import archives
from tests import flipped
from tests.datasets.raw_folders import write_archive

FILES = {"jpg/a.jpg": b"a" * 700, "./jpg/sub/b.jpg": b"", "jpg/" + "x" * 120 + ".jpg": b"c" * 512}


def read(path, is_wanted=lambda name: True, max_bytes=1000):
    return list(archives.files(path, is_wanted=is_wanted, max_bytes=max_bytes))


def write_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture(params=["w:gz", "w:", "w:bz2", "w:xz", "zip"])
def mode(request):
    return request.param


def test_files_in_archive_order(tmp_path, mode):
    path = tmp_path / "x.tgz"  # told apart by its first bytes, not by its name
    write_zip(path, FILES) if mode == "zip" else write_archive(path, FILES, mode)
    assert read(path) == [(name.removeprefix("./"), data) for name, data in FILES.items()]
    assert [data for _, data in read(path, lambda name: name == "jpg/a.jpg")] == [b"a" * 700, None, None]
    with pytest.raises(ValueError, match=r"at 'jpg/a.jpg': it has 700 bytes, at most 600"):
        read(path, max_bytes=600)
    assert len(read(path, lambda name: False, max_bytes=600)) == 3


def test_an_empty_archive_and_folders_hold_no_file_and_xz_files_may_stand_one_behind_another(tmp_path):
    path = write_archive(tmp_path / "x.tgz", {})
    assert read(path) == [] and read(write_archive(path, {".": b"", "./jpg": b""}, type=tarfile.DIRTYPE)) == []
    whole = write_archive(tmp_path / "x.tar", FILES, "w:").read_bytes()
    (tmp_path / "x.tar.xz").write_bytes(lzma.compress(whole[:1000]) + lzma.compress(whole[1000:]))
    assert read(tmp_path / "x.tar.xz") == read(tmp_path / "x.tar")


@pytest.mark.parametrize(
    ("name", "kind", "problem"),
    [(name, tarfile.REGTYPE, "its path leads out") for name in ("../x.jpg", "jpg/../../x.jpg", "/etc/x.jpg", "..")]
    + [("link", kind, "it is a link or device") for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)],
)
def test_refuses_what_leads_out_links_and_devices(tmp_path, name, kind, problem):
    path = write_archive(tmp_path / "x.tgz", {name: b""}, type=kind, linkname="/etc/passwd")
    with pytest.raises(ValueError, match=f"x.tgz, at {name!r}: {problem}"):
        read(path, lambda name: False)


def test_refuses_what_is_no_archive(tmp_path):
    starts = (b"", b"x", b"<html>" * 1000, b"\x1f\x8b", b"\x1f\x8bxyz", gzip.compress(b""), gzip.compress(b"x" * 600))
    for data in starts:
        (tmp_path / "x.tgz").write_bytes(data)
        with pytest.raises(ValueError, match=r"archive .*x.tgz, at its start: ."):
            read(tmp_path / "x.tgz")
    with pytest.raises(ValueError, match=r"no archive .*nothing.tgz"):
        read(tmp_path / "nothing.tgz")


def test_every_cut_is_an_error(tmp_path, mode):
    noise = np.random.default_rng(0).bytes(3000)
    files, path = {"a": noise[:1000], "b": noise[1000:2000], "c": noise[2000:]}, tmp_path / "x.tgz"
    whole = (write_zip(path, files) if mode == "zip" else write_archive(path, files, mode)).read_bytes()
    end = 3 * (512 + 1024) + 512 if mode == "w:" else len(whole)  # one zero block is the end already
    for length in range(0, end, 64 if mode == "w:" else 37):
        (tmp_path / "x.tgz").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"x.tgz"):
            read(tmp_path / "x.tgz", max_bytes=2000)


@pytest.mark.parametrize(
    ("mode", "place", "message"),
    [
        ("w:", 1024 + 5, r"at 'a': what follows is no member of a tar \(bad checksum\)"),  # in b's name
        ("w:gz", -6, "CRC"),
    ],
)
def test_a_flipped_bit_is_not_taken_for_the_end(tmp_path, mode, place, message):
    path = write_archive(tmp_path / "x.tar", {"a": b"1", "b": b"2", "c": b"3"}, mode)
    path.write_bytes(flipped(path.read_bytes(), place))
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "x.tar")


def test_zips_are_read_as_carefully_as_tars(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    other = "x.zip, at 'a': it is encrypted, or compressed in another way than by deflate"
    for name, compression, message in (
        ("../a", zipfile.ZIP_DEFLATED, "leads out"),
        ("/a", zipfile.ZIP_DEFLATED, "leads out"),
        (link, zipfile.ZIP_DEFLATED, "'link': it is a link or device"),
        ("a", zipfile.ZIP_BZIP2, other),
        ("a", zipfile.ZIP_LZMA, other),
    ):
        path = write_zip(tmp_path / "x.zip", {name: b"1" * 500}, compression)
        with pytest.raises(ValueError, match=message):
            read(path, lambda name, is_wanted=compression != zipfile.ZIP_DEFLATED: is_wanted)
    path = write_zip(tmp_path / "x.zip", {"a": b"1" * 500}, zipfile.ZIP_STORED)
    path.write_bytes(flipped(path.read_bytes(), 100))
    with pytest.raises(ValueError, match="'a': Bad CRC-32"):
        read(tmp_path / "x.zip")


def test_names_that_a_mac_zipped(tmp_path):
    """In UTF-8, without the flag that says so."""
    flagged = write_zip(tmp_path / "x.zip", {"Zürich.jpg": b"1"}).read_bytes()
    assert read(tmp_path / "x.zip") == [("Zürich.jpg", b"1")]
    flags = struct.pack("<H", 0x800)
    assert flagged.count(flags) == 2
    (tmp_path / "x.zip").write_bytes(flagged.replace(flags, bytes(2)))
    assert read(tmp_path / "x.zip") == [("Zürich.jpg", b"1")]
