"""Several files, side by side."""

import json
import threading

import pytest

from aml.download import fetch as fetching
from tests import contents
from tests.download.local_server import DATA

NAMES = [*(f"{number}.tar.gz" for number in range(1, 8)), "list.txt"]


def fetch(server, tmp_path, names=NAMES, num_downloads=3):
    raw, digests = tmp_path / "raw", tmp_path / "digests.json"
    files = {name: [f"{server.url}/{name}"] for name in names}
    fetching.fetch_all(files, raw, digests=digests, num_downloads=num_downloads)
    return raw, digests


def test_all_files_come_once_and_each_is_noted(flaky, tmp_path):
    fetch(flaky, tmp_path, NAMES[:5])
    flaky.asked.clear()
    raw, digests = fetch(flaky, tmp_path)
    assert contents(raw) == dict.fromkeys(NAMES, DATA) and list(json.loads(digests.read_text())) == NAMES
    assert sorted(flaky.asked) == [f"/x.tgz/{name}" for name in NAMES[5:]]
    raw, digests = fetch(flaky, tmp_path / "elsewhere", [])
    assert list(raw.iterdir()) == [] and not digests.exists()


def test_no_more_at_a_time_than_asked_for(flaky, tmp_path, monkeypatch):
    running, most, together = set(), [], threading.Barrier(3)

    def bring(sources, destination, **options):
        running.add(destination.name)
        most.append(len(running))
        if destination.name in NAMES[:3]:
            together.wait(10)  # three do run side by side
        running.remove(destination.name)

    monkeypatch.setattr(fetching, "fetch", bring)
    fetch(flaky, tmp_path, num_downloads=3)
    assert max(most) == 3 and len(most) == len(NAMES)


def test_one_that_fails_leaves_the_others(flaky, tmp_path):
    flaky.plan = ["fine", "fine", "page", "fine", 404, "fine"]
    with pytest.raises(ValueError, match=r"2 of 8 files are not in .*raw:\n") as error:
        fetch(flaky, tmp_path, num_downloads=1)
    assert "3.tar.gz could not be fetched" in str(error.value) and "a web page" in str(error.value)
    assert "5.tar.gz could not be fetched" in str(error.value) and "404" in str(error.value)
    assert sorted(contents(tmp_path / "raw")) == [NAMES[n] for n in (0, 1, 3, 5, 6, 7)]


def test_a_server_that_is_away_is_not_asked_for_every_file(flaky, tmp_path):
    flaky.plan = [404]
    with pytest.raises(ValueError, match="8 of 8 files are not in"):
        fetch(flaky, tmp_path, num_downloads=1)
    assert len(flaky.asked) == 3


def test_errors_of_ours_are_not_swallowed(flaky, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "fetch", lambda *arguments, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fetch(flaky, tmp_path)
