"""Files from the web: resumed, refused, compared with their first download."""

import hashlib
from types import SimpleNamespace

import pytest

from aml.download import transfer
from tests.download.local_server import DATA, PAGE


def test_a_file_comes_whole_and_is_noted(flaky, place):
    sha256 = hashlib.sha256(DATA).hexdigest()
    assert place.fetch(flaky.url) == sha256
    assert place.file.read_bytes() == DATA and place.left() == ["x.tgz"]
    assert place.noted() == {"x.tgz": {"sha256": sha256, "bytes": len(DATA), "source": flaky.url}}
    assert place.fetch("http://127.0.0.1:9/never asked") == sha256 and flaky.ranges == [None]


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
def test_goes_on_where_it_stopped(flaky, place, monkeypatch, tag, plan, asked):
    monkeypatch.setattr(transfer, "STALL_S", 0.2)
    flaky.tag, flaky.plan = tag, plan
    place.fetch(flaky.url)
    assert place.file.read_bytes() == DATA and place.left() == ["x.tgz"] and flaky.ranges == asked


def test_starts_over_where_ranges_are_ignored(flaky, place):
    flaky.plan = ["drops", "ignores ranges", "ignores ranges", "fine"]
    with pytest.raises(ValueError, match=r"closed after 180001 of 200002 bytes \(3 attempts\)"):
        place.fetch(flaky.url)
    flaky.plan = ["ignores ranges, to the end"]
    place.fetch(flaky.url)
    assert flaky.ranges[-1] == NINE_TENTHS and place.file.read_bytes() == DATA


@pytest.mark.parametrize("tag", ['"1"', ""])
def test_goes_on_in_the_next_run_or_starts_over_where_the_file_has_changed(flaky, place, tag):
    flaky.tag, flaky.plan = tag, ["drops", 500, 500, 500, "fine"]
    refused = r"could not be fetched:\n  http://.*answers 500 .*\(3 attempts\)\nGet it by other"
    with pytest.raises(ValueError, match=refused):
        place.fetch(flaky.url)
    assert place.left() == ["x.tgz.part", "x.tgz.part.json"]
    place.fetch(flaky.url)
    assert flaky.ranges[-1] == NINE_TENTHS and place.file.read_bytes() == DATA
    place.file.unlink()
    place.digests.unlink()
    flaky.plan = ["drops", 403]
    with pytest.raises(ValueError, match="answers 403"):
        place.fetch(flaky.url)
    flaky.data, flaky.plan, flaky.tag = transfer.GZIP + b"other" * 50_000, ["fine"], tag and '"2"'
    place.fetch(flaky.url)
    assert place.file.read_bytes() == flaky.data


def test_a_part_of_another_source_is_not_continued(flaky, place):
    flaky.plan = ["drops", 403, "fine"]
    place.fetch(flaky.url, flaky.url + "?mirror")
    assert flaky.ranges[-1] is None and place.file.read_bytes() == DATA


@pytest.mark.parametrize(
    ("behaviour", "file", "reason", "num_requests"),
    [
        (403, "x.tgz", "the server answers 403 Forbidden", 1),
        (503, "x.tgz", r"the server answers 503 .* \(3 attempts\)", 3),
        ("page", "x.tgz", "a web page b'<!DOCTYPE html><', expected is a start", 1),
        ("page", "weights.pth", r"a web page b'<!DOCTYPE html><'\n", 1),
        ("empty", "x.tgz", "an empty file", 1),
        ("drops at once", "x.tgz", r"closed after 0 of 200002 bytes \(3 attempts\)", 3),
    ],
)
def test_refused_and_retried(flaky, place, behaviour, file, reason, num_requests):
    flaky.plan, place.file = [behaviour], place.folder / file
    with pytest.raises(ValueError, match=reason):
        place.fetch(flaky.url)
    assert len(flaky.ranges) == num_requests and place.left() == [] and not place.digests.exists()


def test_the_next_source_is_tried(flaky, place, capsys):
    """Waiting for a server is said."""
    flaky.plan = ["page", "fine"]
    others = "http://127.0.0.1:9/x.tgz", "gopher://x/y", place.folder / "nothing.tgz"
    place.fetch(*others, flaky.url, flaky.url)
    assert place.file.read_bytes() == DATA
    place.file.unlink()
    capsys.readouterr()
    with pytest.raises(ValueError, match=r"refused.*\(3 attempts\)") as error:
        place.fetch(*others)
    for reason in ("unknown scheme 'gopher'", "no such file", f"put it at {place.file}"):
        assert reason in str(error.value)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("http://127.0.0.1:9/x.tgz: ") and first.endswith("; attempt 1 of 3, the next in 0.01 s")
    assert second.endswith("; attempt 2 of 3, the next in 0.02 s")
    with pytest.raises(ValueError, match="no source is given"):
        place.fetch()


def test_a_changed_file_is_kept_and_not_downloaded_again(flaky, place):
    """One of another length is not even downloaded."""
    place.fetch(flaky.url)
    place.file.unlink()
    flaky.data = DATA + b"more"
    with pytest.raises(ValueError, match="200006 bytes, expected are 200002"):
        place.fetch(flaky.url)
    assert place.left() == []
    flaky.data = DATA[:-1] + b"?"
    remedy = r"Remove that file to fetch it again; .* remove the entry 'x.tgz' from .*digests.json too"
    with pytest.raises(ValueError, match=rf"has sha256 .*, expected is .* kept as .*x.tgz.refused. {remedy}"):
        place.fetch(flaky.url)
    assert place.left()[0] == "x.tgz.refused" and not place.file.exists()
    assert (place.folder / "x.tgz.refused").read_bytes() == flaky.data
    num_requests = len(flaky.ranges)
    with pytest.raises(ValueError, match=rf"x.tgz.refused was refused earlier.* {remedy}"):
        place.fetch(flaky.url)
    assert len(flaky.ranges) == num_requests
    (place.folder / "x.tgz.refused").unlink()
    place.digests.write_text("{}")  # both are removed: the new version is accepted
    place.fetch(flaky.url)
    assert place.left() == ["x.tgz"] and place.file.read_bytes() == flaky.data


def test_a_file_in_place_is_checked(flaky, place):
    place.fetch(flaky.url)
    place.file.write_bytes(DATA[:-1])
    with pytest.raises(ValueError, match=r"found in place has sha256 .* kept as .*x.tgz"):
        place.fetch(flaky.url)
    place.file.write_bytes(PAGE)
    with pytest.raises(ValueError, match="a web page"):
        place.fetch(flaky.url)
    assert place.file.exists() and len(flaky.ranges) == 1


def test_needs_space(flaky, place, monkeypatch):
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda path: SimpleNamespace(free=300 << 20))
    place.fetch(flaky.url)
    place.file.unlink()
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match=r"No space left on device: 268,635,\d+ bytes needed, 1,000 free: '.*raw'"):
        place.fetch(flaky.url)
    assert "x.tgz" not in place.left()
