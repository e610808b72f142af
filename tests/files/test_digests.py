import json

import pytest

from aml.files.digests import SEAL, file_sha256, open_sealed_lines, read_sealed, seal_lines, write_sealed

CONTENT = {"b": [1, 2.5, None], "a": {"é": "x", "mAP": 36.71}, "n": -1e-17}


def test_content_comes_back_in_its_order(tmp_path):
    write_sealed(tmp_path / "x.json", CONTENT)
    found = read_sealed(tmp_path / "x.json")
    assert found == CONTENT and list(found) == list(CONTENT)
    assert list(json.loads((tmp_path / "x.json").read_text())) == [*CONTENT, "sha256"]


def test_every_flipped_bit_is_found_or_changes_nothing(tmp_path):
    path = tmp_path / "x.json"
    write_sealed(path, CONTENT)
    whole, harmless = path.read_bytes(), 0
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :])
            try:
                assert read_sealed(path) == CONTENT
                harmless += 1
            except ValueError as error:
                assert str(error).startswith(f"{path} is damaged: it")
    assert harmless < len(whole) / 10  # blanks


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", '{"a": 1}', '{"a": 1, "sha256": 5}', "[" * 10_000])
def test_what_was_never_sealed_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=r"x.json is damaged: .*; run `python -m tools.repair --verify`"):
        read_sealed(tmp_path / "x.json")


@pytest.mark.parametrize("content", [b"", b"a\n", b"a\r\n\xc3\xa9\n\n", b"# sha256 of\n"])
def test_lines_come_back_as_they_were(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    seal_lines(tmp_path / "x.csv")
    sealed = (tmp_path / "x.csv").read_bytes()
    assert sealed.startswith(content) and len(sealed) == len(content) + len("#  \n" + SEAL) + 64
    with open_sealed_lines(tmp_path / "x.csv") as file:
        assert file.read().encode() == content


@pytest.mark.parametrize("text", ["", "\n", "a\n", "a\n# sha256 \n", "# sha256", "a\n# sha256 " + "0" * 64 + "\n"])
def test_lines_that_were_never_sealed_are_refused(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ValueError, match=r"x.csv is damaged: its last line is not the sha256 of those before; "):
        open_sealed_lines(tmp_path / "x.csv")


def test_a_file_s_digest(tmp_path):
    (tmp_path / "empty").touch()
    assert file_sha256(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
