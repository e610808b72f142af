import hashlib
import http.server
import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from aml.web import checks
from aml.web.fetch import fetch as fetch_file

DATA = checks.GZIP + np.random.default_rng(0).bytes(200_000)
PAGE = b"<!DOCTYPE html><html>Forbidden</html>" * 40


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves server.data as server.plan, one entry a request, says; the last entry is for all that follow."""

    def do_GET(self):
        plan, server = self.server.plan, self.server
        behaviour = plan.pop(0) if len(plan) > 1 else plan[0]
        asked = self.headers.get("Range")
        server.log.append(asked)
        if behaviour in (403, 404, 416, 500, 503):
            return self.send_error(behaviour)
        start = 0
        if asked and behaviour != "ignores ranges" and self.headers.get("If-Range") in (None, server.tag):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        data = PAGE if behaviour == "page" else b"" if behaviour == "empty" else server.data
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        if behaviour != "no length":
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if behaviour == "drops at once":
            return None
        end = int(len(data) * 0.9) if behaviour in ("drops", "ignores ranges") and server.drops else len(data)
        if behaviour == "stalls":
            self.wfile.write(data[start : start + 1000])
            self.wfile.flush()
            server.stop.wait(5)
            return None
        self.wfile.write(data[start : max(start, end)])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.data, server.plan, server.log, server.tag, server.drops = DATA, ["fine"], [], '"1"', True
    server.stop = threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/x.tgz"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def place(tmp_path):
    return SimpleNamespace(file=tmp_path / "raw" / "x.tgz", digests=tmp_path / "digests.json", folder=tmp_path / "raw")


def fetch(place, *sources, **options):
    options = {"magic": checks.GZIP, "num_attempts": 3, "pause_s": 0.001, "stall_s": 5.0} | options
    return fetch_file([str(source) for source in sources], place.file, digests=place.digests, **options)


def left(place):
    return sorted(path.name for path in place.folder.iterdir())


def test_a_file_comes_whole_and_is_noted(server, place):
    sha256 = hashlib.sha256(DATA).hexdigest()
    assert fetch(place, server.url, expected_bytes=len(DATA)) == sha256
    assert place.file.read_bytes() == DATA and left(place) == ["x.tgz"]
    assert json.loads(place.digests.read_text()) == {
        "x.tgz": {"sha256": sha256, "bytes": len(DATA), "source": server.url}
    }
    assert fetch(place, "http://127.0.0.1:9/never asked") == sha256 and server.log == [None]


def test_without_a_length_the_end_is_the_end(server, place):
    server.plan = ["no length"]
    fetch(place, server.url)
    assert place.file.read_bytes() == DATA


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', ""])
def test_goes_on_where_it_stopped(server, place, tag):
    server.tag, server.plan = tag, ["drops", "fine"]
    fetch(place, server.url)
    assert place.file.read_bytes() == DATA and left(place) == ["x.tgz"]
    assert server.log == [None, f"bytes={int(len(DATA) * 0.9)}-"]


def test_goes_on_in_the_next_run(server, place):
    server.plan = ["drops", 500, 500, 500, "fine"]
    with pytest.raises(
        ValueError, match=r"could not be had:\n  http://.*answers 500 .*\(3 attempts\)\nGet it by other"
    ):
        fetch(place, server.url)
    assert left(place) == ["x.tgz.part", "x.tgz.part.json"]
    server.plan = ["fine"]
    fetch(place, server.url)
    assert server.log[-1] == f"bytes={int(len(DATA) * 0.9)}-" and place.file.read_bytes() == DATA


def test_starts_over_where_ranges_are_ignored(server, place):
    server.plan = ["drops", "ignores ranges"]
    with pytest.raises(ValueError, match=r"closed after 180001 of 200002 bytes \(3 attempts\)"):
        fetch(place, server.url)
    assert len(server.log) == 3
    server.drops = False
    fetch(place, server.url)
    assert place.file.read_bytes() == DATA


@pytest.mark.parametrize("tag", ['"1"', ""])
def test_starts_over_where_the_file_has_changed(server, place, tag):
    server.tag, server.plan = tag, ["drops", 403]
    with pytest.raises(ValueError, match="answers 403"):
        fetch(place, server.url)
    server.data, server.plan, server.tag = checks.GZIP + b"other" * 50_000, ["fine"], tag and '"2"'
    fetch(place, server.url)
    assert place.file.read_bytes() == server.data


def test_a_part_of_another_source_is_not_continued(server, place):
    server.plan = ["drops", 403, "fine"]
    fetch(place, server.url, server.url + "?mirror")
    assert server.log[-1] is None and place.file.read_bytes() == DATA


def test_a_part_beyond_the_end_is_dropped(server, place):
    server.plan = ["drops", 416, "fine"]
    fetch(place, server.url)
    assert server.log[-1] is None and place.file.read_bytes() == DATA


@pytest.mark.parametrize(
    ("behaviour", "reason", "num_requests"),
    [
        (403, "the server answers 403 Forbidden", 1),
        (404, "the server answers 404 Not Found", 1),
        (503, r"the server answers 503 .* \(3 attempts\)", 3),
        ("page", "a web page b'<!DOCTYPE html><', expected is a start", 1),
        ("empty", "an empty file", 1),
        ("drops at once", r"closed after 0 of 200002 bytes \(3 attempts\)", 3),
    ],
)
def test_refused_and_retried(server, place, behaviour, reason, num_requests):
    server.plan = [behaviour]
    with pytest.raises(ValueError, match=reason):
        fetch(place, server.url)
    assert len(server.log) == num_requests and left(place) == [] and not place.digests.exists()


def test_a_stall_is_an_interruption(server, place):
    server.plan = ["stalls", "fine"]
    fetch(place, server.url, stall_s=0.2)
    assert server.log == [None, "bytes=1000-"] and place.file.read_bytes() == DATA


def test_another_length_than_expected(server, place):
    with pytest.raises(ValueError, match="200002 bytes, expected are 7"):
        fetch(place, server.url, expected_bytes=7)
    assert left(place) == []


def test_the_next_source_is_tried(server, place):
    server.plan = ["page", "fine"]
    fetch(place, "http://127.0.0.1:9/x.tgz", "gopher://x/y", place.folder / "nothing.tgz", server.url, server.url)
    assert place.file.read_bytes() == DATA
    place.file.unlink()
    with pytest.raises(ValueError) as error:
        fetch(place, "http://127.0.0.1:9/x.tgz", "gopher://x/y", place.folder / "nothing.tgz")
    for reason in ("refused", "unknown scheme 'gopher'", "no such file", f"put it at {place.file}"):
        assert reason in str(error.value)
    with pytest.raises(ValueError, match="no source is given"):
        fetch(place)


@pytest.mark.parametrize("as_url", [False, True])
def test_local_copies(place, tmp_path, as_url):
    copy = tmp_path / "my copy.tgz"
    copy.write_bytes(DATA)
    fetch(place, copy.as_uri() if as_url else copy)
    assert place.file.read_bytes() == DATA and copy.exists() and left(place) == ["x.tgz"]
    place.file.unlink()
    copy.write_bytes(PAGE)
    with pytest.raises(ValueError, match="a web page"):
        fetch(place, copy)
    copy.write_bytes(b"")
    with pytest.raises(ValueError, match="an empty file"):
        fetch(place, copy)


def test_a_changed_file_is_kept_and_not_downloaded_again(server, place):
    fetch(place, server.url)
    place.file.unlink()
    server.data = DATA[:-1] + b"?"
    with pytest.raises(ValueError, match=r"has sha256 .*, expected is .* kept as .*x.tgz.refused"):
        fetch(place, server.url)
    assert left(place)[0] == "x.tgz.refused" and not place.file.exists()
    assert (place.folder / "x.tgz.refused").read_bytes() == server.data
    num_requests = len(server.log)
    with pytest.raises(ValueError, match=r"x.tgz.refused was refused earlier"):
        fetch(place, server.url)
    assert len(server.log) == num_requests
    (place.folder / "x.tgz.refused").unlink()
    server.data = DATA
    fetch(place, server.url)
    assert left(place) == ["x.tgz"]


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
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: SimpleNamespace(free=300 << 20))
    fetch(place, server.url)
    place.file.unlink()
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(ValueError, match="has 1000 bytes free, 200002"):
        fetch(place, server.url)
    assert "x.tgz" not in left(place)
