"""The stage `sources`: DVC sees what happens to local files, and nothing of ours touches a user's folder."""

import pytest
from dvc.fs import LocalFileSystem

from aml.params.reading import read_parameters
from stages import sources
from tests import ROOT
from tools import repair


def values(*places) -> dict:
    """Parameters with one dataset, whose sources have these places."""
    files = [{"file": f"{number}.tar", "places": [str(place)]} for number, place in enumerate(places)]
    photos = {"label": "Photos", "layout": "folder", "kind": "database", "csv": None, "exif_orientation": "apply"}
    photos |= {"on_bad_image": "exclude", "sources": files}
    found = read_parameters(ROOT / "params.yaml")
    return found | {"grid": found["grid"] | {"datasets": ["photos"]}, "datasets": {"photos": photos}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own/sub").mkdir(parents=True)
    (tmp_path / "own/sub/a.jpg").write_bytes(b"1")
    (tmp_path / "own/to nowhere").symlink_to("gone")
    return tmp_path / "own"


def test_dvc_sees_a_photo_that_is_added(tmp_path, folder):
    sources.main(repair.LOCAL, values(folder))
    (folder / "sub/b.jpg").write_bytes(b"2")
    link = tmp_path / repair.LOCAL / "photos"
    seen = set(LocalFileSystem().find(str(link)))
    assert seen == {str(link / name) for name in ("sub/a.jpg", "sub/b.jpg", "to nowhere")}
    (tmp_path / "b.tar").write_bytes(b"1")
    with pytest.raises(ValueError, match="own is a folder, and there are other local files beside it"):
        sources.main(repair.LOCAL, values(folder, tmp_path / "b.tar"))


def test_a_user_s_folder_is_never_changed(folder):
    """Not by a second run, not by repair, which removes a link to a folder that is gone."""
    for _ in range(2):
        sources.main(repair.LOCAL, values(folder))
        repair.main()
    assert sorted(path.name for path in folder.rglob("*")) == ["a.jpg", "sub", "to nowhere"]
    folder.rename(folder.with_name("moved"))
    repair.main()
    assert [path.name for path in repair.LOCAL.rglob("*")] == ["photos", "watched.json"]
