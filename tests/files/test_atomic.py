import os
import threading
import time

import pytest

from aml.files.atomic import read_json, replacing, replacing_folder, write_json


def test_replacing_gives_the_whole_file_or_folder_or_nothing(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("two")
        raise RuntimeError
    with pytest.raises(OSError, match=f"No space left on device: '{path}'"), replacing(path) as temporary:
        temporary.symlink_to("/dev/full")
        temporary.write_text("two")
    assert path.read_text() == "one" and [x.name for x in path.parent.iterdir()] == ["file.txt"]
    path = tmp_path / "newer" / "folder"
    for name in ("one", "two"):
        with replacing_folder(path) as temporary:
            (temporary / "sub").mkdir()
            (temporary / "sub" / name).write_text(name)
    with pytest.raises(RuntimeError), replacing_folder(path) as temporary:
        (temporary / "three").touch()
        raise RuntimeError
    assert [x.relative_to(path.parent).as_posix() for x in path.parent.rglob("*")] == [
        "folder",
        "folder/sub",
        "folder/sub/two",
    ]


def test_json_keeps_its_order_and_refuses_nan(tmp_path):
    content = {"b": [1, 2.5, None], "a": {"é": "x", "mAP": 36.71}, "n": -1e-17}
    write_json(tmp_path / "x.json", content)
    assert "é" in (tmp_path / "x.json").read_text(encoding="utf-8")
    found = read_json(tmp_path / "x.json", "a", "n")
    assert found == content and list(found) == list(content)
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", [float("nan")])
    assert [x.name for x in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("text", ["", "[]", "3", '"a"', "{}", '{"b": 1}', '{"a": 1', "[" * 10_000])
def test_what_is_not_an_object_with_its_keys_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=r"x.json is damaged: .*; run `python -m tools.repair --verify`"):
        read_json(tmp_path / "x.json", "a")


def test_what_a_killed_run_has_left_goes_away(tmp_path):
    for name in (".folder.tmp", ".folder.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
    for name in (".file.tmp", ".file.lock", ".folder.lock"):
        (tmp_path / name).write_text("1234567")
    with replacing_folder(tmp_path / "folder") as folder, replacing(tmp_path / "file") as file:
        assert list(folder.iterdir()) == [] and not file.exists()
        file.touch()
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "file"}


def test_a_second_writer_waits_and_says_for_whom(tmp_path, capsys):
    path, entered = tmp_path / "file", threading.Event()

    def first():
        with replacing(path) as temporary:
            temporary.write_text("one")
            entered.set()
            time.sleep(0.2)

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait()
    with replacing(path) as temporary:
        assert path.read_text() == "one" and not temporary.exists()
        temporary.write_text("two")
    thread.join()
    assert path.read_text() == "two" and [x.name for x in tmp_path.iterdir()] == ["file"]
    assert f"process {os.getpid()} is writing {path}: waiting for its end" in capsys.readouterr().err
