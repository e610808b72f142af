import pytest

from aml.params.reading import read_parameters


def read(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text)
    return read_parameters(tmp_path / "params.yaml")


def test_numbers_are_read_as_dvc_writes_them_and_words_stay_words(tmp_path):
    for text, value in {"5e-06": 5e-06, "1e-6": 1e-6, "1E3": 1000.0, ".5": 0.5, "-2.": -2.0}.items():
        found = read(tmp_path, f"rate: {text}\n")["rate"]
        assert type(found) is float and found == value
    found = read(tmp_path, "a: 1e\nb: e5\nc: 12:30\nd: yes\n")
    assert found == {"a": "1e", "b": "e5", "c": "12:30", "d": "yes"}


SLIPS = {
    "a: 1\nb: 2\na: 3\n": 'params.yaml, line 3: found duplicate key "a" with value "3" (original value: "1")',
    "a:\n  b: 1\n\tc: 2\n": "params.yaml, line 3: indent by spaces, without tabs",
    "a: 1\nb: 2: 3\n": "params.yaml, line 2: mapping values are not allowed here",
    "a: 1\nb: [1\n": "params.yaml, line 3: expected ',' or ']', but got '<stream end>'",
    "a: 1\nb: *x\n": "params.yaml, line 2: found undefined alias 'x'",
    "a: 1\nb: !!python/object/apply:os.system ['true']\n": "params.yaml, line 2: could not determine",
    "a: 1\n---\nb: 1\n": "params.yaml, line 2: but found another document",
    "a: 1\nb: \0\n": "params.yaml is not YAML of plain values: ReaderError: unacceptable character #x0000",
    "a: !!int ''\n": "params.yaml is not YAML of plain values: IndexError",
    "a: !!timestamp soon": "params.yaml, line 1: failed to construct timestamp",
    "a: " + "9" * 5000: "Exceeds the limit",
    "a: " + "[" * 1500: "RecursionError",
    "a: 1\n" * 60_000: "params.yaml has 300000 bytes; at most 262144 are accepted",
    "": "params.yaml holds None; a mapping is expected, as in git checkout",
    "- 1\n": "params.yaml holds a list of 1; a mapping is expected",
}


@pytest.mark.parametrize("text", SLIPS, ids=range(len(SLIPS)))
def test_a_slip_is_one_sentence_with_file_and_line(tmp_path, text):
    with pytest.raises(ValueError) as error:
        read(tmp_path, text)
    assert SLIPS[text] in str(error.value) and "\n" not in str(error.value)


def test_text_must_be_utf8_and_a_missing_file_says_where_it_was_looked_for(tmp_path, monkeypatch):
    for encoding, line in (("utf-16", 1), ("latin-1", 2)):
        (tmp_path / "params.yaml").write_bytes("a: 1\nb: é # x\n".encode(encoding))
        with pytest.raises(ValueError, match=rf"params\.yaml, line {line}: not UTF-8 text \(.*\); save it as UTF-8"):
            read_parameters(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").unlink()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"no params.yaml in {tmp_path}; call from the project's folder"):
        read_parameters("params.yaml")
