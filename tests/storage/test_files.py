import pytest

from aml.storage.files import replacing, replacing_folder, write_json


def test_replacing_gives_the_whole_file_or_nothing(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("two")
        raise RuntimeError
    assert path.read_text() == "one" and [x.name for x in path.parent.iterdir()] == ["file.txt"]


def test_replacing_folder_gives_the_whole_folder_or_nothing(tmp_path):
    path = tmp_path / "new" / "folder"
    for name in ("one", "two"):
        with replacing_folder(path) as temporary:
            (temporary / "sub").mkdir()
            (temporary / "sub" / name).write_text(name)
    assert [x.name for x in (path / "sub").iterdir()] == ["two"]
    with pytest.raises(RuntimeError), replacing_folder(path) as temporary:
        (temporary / "three").touch()
        raise RuntimeError
    assert [x.name for x in path.iterdir()] == ["sub"] and [x.name for x in path.parent.iterdir()] == ["folder"]


def test_write_json_keeps_order_and_refuses_nan(tmp_path):
    write_json(tmp_path / "x.json", {"b": 1, "a": "é"})
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == '{\n  "b": 1,\n  "a": "é"\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", [float("nan")])
    assert [x.name for x in tmp_path.iterdir()] == ["x.json"]
