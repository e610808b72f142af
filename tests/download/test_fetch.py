import hashlib
import json
import os
import shutil
import tarfile
from types import SimpleNamespace

import pytest

from aml.download import fetch as fetching
from aml.download import transfer
from tests.download.flaky_server import DATA, PAGE, flaky_server


@pytest.fixture
def server():
    with flaky_server() as server:
        yield server


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "NUM_ATTEMPTS", 3)
    monkeypatch.setattr(fetching, "PAUSE_S", 0.01)
    return SimpleNamespace(file=tmp_path / "raw" / "x.tgz", digests=tmp_path / "digests.json", folder=tmp_path / "raw")


def fetch(place, *sources, **options):
    return fetching.fetch([str(source) for source in sources], place.file, digests=place.digests, **options)


def left(place):
    return sorted(path.name for path in place.folder.iterdir())


def test_a_file_comes_whole_and_is_noted(server, place):
    sha256 = hashlib.sha256(DATA).hexdigest()
    assert fetch(place, server.url) == sha256
    assert place.file.read_bytes() == DATA and left(place) == ["x.tgz"]
    assert json.loads(place.digests.read_text()) == {
        "x.tgz": {"sha256": sha256, "bytes": len(DATA), "source": server.url}
    }
    assert fetch(place, "http://127.0.0.1:9/never asked") == sha256 and server.log == [None]


NINE_TENTHS = f"bytes={int(len(DATA) * 0.9)}-"


@pytest.mark.parametrize(
    ("tag", "plan", "asked"),
    [
        ('"1"', ["no length"], [None]),  # the end is the end
        *((tag, ["drops", "fine"], [None, NINE_TENTHS]) for tag in ('"1"', 'W/"1"', "")),
        ('"1"', ["stalls", "fine"], [None, "bytes=1000-"]),
        ('"1"', ["drops", 416, "fine"], [None, NINE_TENTHS, None]),  # a part beyond the end is dropped
    ],
)
def test_goes_on_where_it_stopped(server, place, monkeypatch, tag, plan, asked):
    monkeypatch.setattr(transfer, "STALL_S", 0.2)
    server.tag, server.plan = tag, plan
    fetch(place, server.url)
    assert place.file.read_bytes() == DATA and left(place) == ["x.tgz"] and server.log == asked


def test_starts_over_where_ranges_are_ignored(server, place):
    server.plan = ["drops", "ignores ranges"]
    with pytest.raises(ValueError, match=r"closed after 180001 of 200002 bytes \(3 attempts\)"):
        fetch(place, server.url)
    assert len(server.log) == 3
    server.drops = False
    fetch(place, server.url)
    assert place.file.read_bytes() == DATA


@pytest.mark.parametrize("tag", ['"1"', ""])
def test_goes_on_in_the_next_run_or_starts_over_where_the_file_has_changed(server, place, tag):
    server.tag, server.plan = tag, ["drops", 500, 500, 500, "fine"]
    refused = r"could not be had:\n  http://.*answers 500 .*\(3 attempts\)\nGet it by other"
    with pytest.raises(ValueError, match=refused):
        fetch(place, server.url)
    assert left(place) == ["x.tgz.part", "x.tgz.part.json"]
    fetch(place, server.url)
    assert server.log[-1] == NINE_TENTHS and place.file.read_bytes() == DATA
    place.file.unlink()
    place.digests.unlink()
    server.plan = ["drops", 403]
    with pytest.raises(ValueError, match="answers 403"):
        fetch(place, server.url)
    server.data, server.plan, server.tag = transfer.GZIP + b"other" * 50_000, ["fine"], tag and '"2"'
    fetch(place, server.url)
    assert place.file.read_bytes() == server.data


def test_a_part_of_another_source_is_not_continued(server, place):
    server.plan = ["drops", 403, "fine"]
    fetch(place, server.url, server.url + "?mirror")
    assert server.log[-1] is None and place.file.read_bytes() == DATA


@pytest.mark.parametrize(
    ("behaviour", "file", "reason", "num_requests"),
    [
        (403, "x.tgz", "the server answers 403 Forbidden", 1),
        (404, "x.tgz", "the server answers 404 Not Found", 1),
        (503, "x.tgz", r"the server answers 503 .* \(3 attempts\)", 3),
        ("page", "x.tgz", "a web page b'<!DOCTYPE html><', expected is a start", 1),
        ("page", "weights.pth", r"a web page b'<!DOCTYPE html><'\n", 1),
        ("empty", "x.tgz", "an empty file", 1),
        ("drops at once", "x.tgz", r"closed after 0 of 200002 bytes \(3 attempts\)", 3),
    ],
)
def test_refused_and_retried(server, place, behaviour, file, reason, num_requests):
    server.plan, place.file = [behaviour], place.folder / file
    with pytest.raises(ValueError, match=reason):
        fetch(place, server.url)
    assert len(server.log) == num_requests and left(place) == [] and not place.digests.exists()


def test_the_digits_in_a_file_s_own_name_must_be_its_digest_s(server, place):
    sha256 = hashlib.sha256(DATA).hexdigest()
    with pytest.raises(ValueError, match=rf"has sha256 {sha256}, expected is 0badcafe... as the file's own name says"):
        fetch(place, server.url, sha256_start="0badcafe")
    assert left(place) == ["x.tgz.refused"] and not place.digests.exists()
    (place.folder / "x.tgz.refused").unlink()
    assert fetch(place, server.url, sha256_start=sha256[:8]) == sha256


def test_the_next_source_is_tried(server, place, capsys):
    """Waiting for a server is said."""
    server.plan = ["page", "fine"]
    others = "http://127.0.0.1:9/x.tgz", "gopher://x/y", place.folder / "nothing.tgz"
    fetch(place, *others, server.url, server.url)
    assert place.file.read_bytes() == DATA
    place.file.unlink()
    capsys.readouterr()
    with pytest.raises(ValueError, match=r"refused.*\(3 attempts\)") as error:
        fetch(place, *others)
    for reason in ("unknown scheme 'gopher'", "no such file", f"put it at {place.file}"):
        assert reason in str(error.value)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("http://127.0.0.1:9/x.tgz: ") and first.endswith("; attempt 1 of 3, the next in 0.01 s")
    assert second.endswith("; attempt 2 of 3, the next in 0.02 s")
    with pytest.raises(ValueError, match="no source is given"):
        fetch(place)


@pytest.mark.parametrize("removed", [[], ["file"], ["digests"], ["file", "digests"]])
@pytest.mark.parametrize("changed", [DATA[:-1] + b"?", DATA + b"and more"])
def test_a_local_file_may_be_corrected(place, tmp_path, capsys, changed, removed):
    """Whatever of the earlier copy is still here. It is given as a URL or as a path."""
    own = tmp_path / "my own.tgz"
    own.write_bytes(PAGE)
    with pytest.raises(ValueError, match="a web page"):
        fetch(place, own)
    own.write_bytes(DATA)
    fetch(place, own.as_uri())
    assert place.file.read_bytes() == DATA and own.exists() and left(place) == ["x.tgz"]
    own.write_bytes(changed)
    for name in removed:
        getattr(place, name).unlink()
    assert fetch(place, own) == hashlib.sha256(changed).hexdigest()
    assert place.file.read_bytes() == changed and left(place) == ["x.tgz"]
    noted = json.loads(place.digests.read_text())["x.tgz"]
    assert noted == {"sha256": hashlib.sha256(changed).hexdigest(), "bytes": len(changed), "source": "a local place"}
    said = "" if "digests" in removed else f"x.tgz has changed at {own}: taken, and noted in {place.digests}\n"
    assert capsys.readouterr().err == said
    assert fetch(place, own) == noted["sha256"] and capsys.readouterr().err == ""


def test_a_local_file_that_is_the_same_or_gone_changes_nothing(place, tmp_path):
    own = tmp_path / "own.tgz"
    own.write_bytes(DATA)
    sha256 = fetch(place, own)
    inode = place.file.stat().st_ino  # a file that is taken anew has another
    os.utime(own, (1, 1))  # another time, the same bytes
    assert fetch(place, own) == sha256 and place.file.stat().st_ino == inode
    own.unlink()
    assert fetch(place, own) == sha256 and place.file.stat().st_ino == inode


def test_a_local_copy_does_not_replace_what_the_web_gave(server, place, tmp_path):
    own = tmp_path / "mirror.tgz"
    own.write_bytes(DATA[:-1] + b"?")
    sha256 = fetch(place, server.url)
    assert fetch(place, own) == sha256 and place.file.read_bytes() == DATA
    place.file.unlink()
    with pytest.raises(ValueError, match=r"x.tgz from .*mirror.tgz has sha256 .* noted for the copy from http://"):
        fetch(place, own)
    (place.folder / "x.tgz.refused").unlink()
    own.write_bytes(DATA)  # digests are kept by git, and a path that was noted says whose machine it was: it goes
    place.digests.write_text(json.dumps({"x.tgz": {"sha256": sha256, "bytes": len(DATA), "source": str(own)}}))
    fetch(place, own)
    assert str(tmp_path) not in place.digests.read_text()


def test_a_folder_is_packed_and_its_changes_are_taken(place, tmp_path, capsys):
    """As a tar of its paths and bytes alone: without times, hidden files, links into it."""
    own = tmp_path / "own photos"
    (own / "sub").mkdir(parents=True)
    (own / "sub/b c.jpg").write_bytes(b"one")
    (own / ".hidden").write_bytes(b"")
    os.link(own / "sub/b c.jpg", own / "a.jpg")
    with pytest.raises(ValueError, match=r"a folder; give it to a source whose file ends in \.tar"):
        fetch(place, own)
    place.file = place.folder / "x.tar"
    sha256 = fetch(place, own)
    with tarfile.open(place.file) as tar:
        assert {member.name: tar.extractfile(member).read() for member in tar} == {
            "a.jpg": b"one",
            "sub/b c.jpg": b"one",
        }
    os.utime(own / "a.jpg", (1, 1))
    assert fetch(place, own) == sha256 and capsys.readouterr().err == ""
    (own / "new.jpg").write_bytes(b"two")
    assert fetch(place, own) != sha256 and f"x.tar has changed at {own}" in capsys.readouterr().err
    shutil.rmtree(own)
    fetch(place, own)  # what was packed serves


def test_a_changed_file_is_kept_and_not_downloaded_again(server, place):
    """One of another length is not even downloaded."""
    fetch(place, server.url)
    place.file.unlink()
    server.data = DATA + b"more"
    with pytest.raises(ValueError, match="200006 bytes, expected are 200002"):
        fetch(place, server.url)
    assert left(place) == []
    server.data = DATA[:-1] + b"?"
    remedy = r"Remove that file to fetch it again; .* remove the entry 'x.tgz' from .*digests.json too"
    with pytest.raises(ValueError, match=rf"has sha256 .*, expected is .* kept as .*x.tgz.refused. {remedy}"):
        fetch(place, server.url)
    assert left(place)[0] == "x.tgz.refused" and not place.file.exists()
    assert (place.folder / "x.tgz.refused").read_bytes() == server.data
    num_requests = len(server.log)
    with pytest.raises(ValueError, match=rf"x.tgz.refused was refused earlier.* {remedy}"):
        fetch(place, server.url)
    assert len(server.log) == num_requests
    (place.folder / "x.tgz.refused").unlink()
    place.digests.write_text("{}")  # both are removed: the new version is accepted
    fetch(place, server.url)
    assert left(place) == ["x.tgz"] and place.file.read_bytes() == server.data


def test_a_file_in_place_is_checked(server, place):
    fetch(place, server.url)
    place.file.write_bytes(DATA[:-1])
    with pytest.raises(ValueError, match=r"found in place has sha256 .* kept as .*x.tgz"):
        fetch(place, server.url)
    place.file.write_bytes(PAGE)
    with pytest.raises(ValueError, match="a web page"):
        fetch(place, server.url)
    assert place.file.exists() and len(server.log) == 1


def test_needs_space(server, place, monkeypatch):
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda path: SimpleNamespace(free=300 << 20))
    fetch(place, server.url)
    place.file.unlink()
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match=r"No space left on device: 268,635,\d+ bytes needed, 1,000 free: '.*raw'"):
        fetch(place, server.url)
    assert "x.tgz" not in left(place)
