"""A place for one file, and a server that has it."""

import json
from pathlib import Path

import pytest

from aml.download import fetch
from tests.download.local_server import DATA, serving


class Place:
    """One file of a raw folder, and the digests beside the folder."""

    def __init__(self, parent: Path):
        self.folder, self.digests = parent / "raw", parent / "digests.json"
        self.file = self.folder / "x.tgz"

    def fetch(self, *sources, **options) -> str:
        return fetch.fetch([str(source) for source in sources], self.file, digests=self.digests, **options)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def noted(self) -> dict:
        return json.loads(self.digests.read_text())


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "NUM_ATTEMPTS", 3)
    monkeypatch.setattr(fetch, "PAUSE_S", 0.01)
    return Place(tmp_path)


@pytest.fixture
def flaky():
    with serving(data=DATA) as server:
        server.url += "/x.tgz"
        yield server
