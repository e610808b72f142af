"""Files and folders of this machine: what is copied or packed, and when anew."""

import hashlib
import os
import shutil
import tarfile

import pytest

from tests.download.local_server import DATA, PAGE


@pytest.mark.parametrize("removed", [[], ["file"], ["digests"], ["file", "digests"]])
@pytest.mark.parametrize("changed", [DATA[:-1] + b"?", DATA + b"and more"])
def test_a_local_file_may_be_corrected(place, tmp_path, capsys, changed, removed):
    """Whatever of the earlier copy is still here. It is given as a URL or as a path."""
    own = tmp_path / "my own.tgz"
    own.write_bytes(PAGE)
    with pytest.raises(ValueError, match="a web page"):
        place.fetch(own)
    own.write_bytes(DATA)
    place.fetch(own.as_uri())
    assert place.file.read_bytes() == DATA and own.exists() and place.left() == ["x.tgz"]
    own.write_bytes(changed)
    for name in removed:
        getattr(place, name).unlink()
    assert place.fetch(own) == hashlib.sha256(changed).hexdigest()
    assert place.file.read_bytes() == changed and place.left() == ["x.tgz"]
    noted = place.noted()["x.tgz"]
    assert noted == {"sha256": hashlib.sha256(changed).hexdigest(), "bytes": len(changed), "source": "a local place"}
    said = "" if "digests" in removed else f"x.tgz has changed at {own}: taken, and noted in {place.digests}\n"
    assert capsys.readouterr().err == said
    assert place.fetch(own) == noted["sha256"] and capsys.readouterr().err == ""


def test_a_local_file_that_is_the_same_or_gone_changes_nothing(place, tmp_path):
    own = tmp_path / "own.tgz"
    own.write_bytes(DATA)
    sha256 = place.fetch(own)
    inode = place.file.stat().st_ino  # a file that is taken anew has another
    os.utime(own, (1, 1))  # another time, the same bytes
    assert place.fetch(own) == sha256 and place.file.stat().st_ino == inode
    own.unlink()
    assert place.fetch(own) == sha256 and place.file.stat().st_ino == inode


def test_a_local_copy_does_not_replace_what_the_web_gave(flaky, place, tmp_path):
    own = tmp_path / "mirror.tgz"
    own.write_bytes(DATA[:-1] + b"?")
    sha256 = place.fetch(flaky.url)
    assert place.fetch(own) == sha256 and place.file.read_bytes() == DATA
    place.file.unlink()
    with pytest.raises(ValueError, match=r"x.tgz from .*mirror.tgz has sha256 .* noted for the copy from http://"):
        place.fetch(own)


def test_a_folder_is_packed_and_its_changes_are_taken(place, tmp_path, capsys):
    """As a tar of its paths and bytes alone: without times, hidden files, links into it."""
    own = tmp_path / "own photos"
    (own / "sub").mkdir(parents=True)
    (own / "sub/b c.jpg").write_bytes(b"one")
    (own / ".hidden").write_bytes(b"")
    os.link(own / "sub/b c.jpg", own / "a.jpg")
    with pytest.raises(ValueError, match=r"a folder; give it to a source whose file ends in \.tar"):
        place.fetch(own)
    place.file = place.folder / "x.tar"
    sha256 = place.fetch(own)
    with tarfile.open(place.file) as tar:
        assert {member.name: tar.extractfile(member).read() for member in tar} == {
            "a.jpg": b"one",
            "sub/b c.jpg": b"one",
        }
    os.utime(own / "a.jpg", (1, 1))
    assert place.fetch(own) == sha256 and capsys.readouterr().err == ""
    (own / "new.jpg").write_bytes(b"two")
    assert place.fetch(own) != sha256 and f"x.tar has changed at {own}" in capsys.readouterr().err
    shutil.rmtree(own)
    place.fetch(own)  # what was packed serves
