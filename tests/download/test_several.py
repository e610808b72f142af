import json
import threading

import pytest

from aml.download import fetch as fetching
from aml.download import transfer
from tests.download.local_server import serving

NAMES = [f"{number}.tar.gz" for number in range(1, 8)]


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "upstream"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(transfer.GZIP + bytes([number]) * 1000)
    (folder / "list.txt").write_text("a.jpg\n")
    with serving(folder) as server:
        yield server


def fetch(server, tmp_path, names=NAMES, num_downloads=3):
    raw, digests = tmp_path / "raw", tmp_path / "digests.json"
    files = {name: [f"{server.url}/{name}"] for name in names}
    fetching.fetch_all(files, raw, digests=digests, num_downloads=num_downloads)
    return raw, digests


def test_all_files_come_once_and_each_is_noted(server, tmp_path):
    fetch(server, tmp_path, NAMES[:5])
    server.asked.clear()
    raw, digests = fetch(server, tmp_path, [*NAMES, "list.txt"])
    assert all((raw / name).read_bytes() == (server.folder / name).read_bytes() for name in [*NAMES, "list.txt"])
    assert list(json.loads(digests.read_text())) == sorted(path.name for path in raw.iterdir())
    assert sorted(server.asked) == [f"/{name}" for name in [*NAMES[5:], "list.txt"]]
    raw, digests = fetch(server, tmp_path / "elsewhere", [])
    assert list(raw.iterdir()) == [] and not digests.exists()


def test_no_more_at_a_time_than_asked_for(server, tmp_path, monkeypatch):
    running, most, together = set(), [], threading.Barrier(3)

    def bring(sources, destination, **options):
        running.add(destination.name)
        most.append(len(running))
        if int(destination.name[0]) <= 3:
            together.wait(10)  # three do run side by side
        running.remove(destination.name)

    monkeypatch.setattr(fetching, "fetch", bring)
    fetch(server, tmp_path, num_downloads=3)
    assert max(most) == 3 and len(most) == len(NAMES)


def test_one_that_fails_leaves_the_others(server, tmp_path):
    (server.folder / NAMES[2]).write_bytes(b"<html>not an archive</html>")
    (server.folder / NAMES[4]).unlink()
    with pytest.raises(ValueError, match=r"2 of 7 files are not in .*raw:\n") as error:
        fetch(server, tmp_path)
    assert "3.tar.gz could not be fetched" in str(error.value) and "a web page" in str(error.value)
    assert "5.tar.gz could not be fetched" in str(error.value) and "404" in str(error.value)
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == [NAMES[n] for n in (0, 1, 3, 5, 6)]


def test_a_server_that_is_away_is_not_asked_for_every_file(server, tmp_path):
    for name in NAMES:
        (server.folder / name).unlink()
    with pytest.raises(ValueError, match="7 of 7 files are not in"):
        fetch(server, tmp_path, num_downloads=1)
    assert len(server.asked) == 3


def test_errors_of_ours_are_not_swallowed(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "fetch", lambda *arguments, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fetch(server, tmp_path)
