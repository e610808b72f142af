import os
import pickle
import struct

import numpy as np
import pytest

from aml.datasets import pickles, upstream_lists

ARRAYS = [
    np.arange(6).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array([1, 2], dtype=">i4"),
    np.array(["ab", "é"]),
    np.array([b"ab", b"c"]),
    np.array([True, False]),
    np.array(["a", 1, None], dtype=object),
    np.zeros((0, 3), dtype=np.float32),
    np.array(5),
]


def load(tmp_path, data):
    (tmp_path / "x.pkl").write_bytes(data)
    return pickles.load(tmp_path / "x.pkl")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("module", [b"numpy._core", b"numpy.core"])
def test_arrays_and_numpy_numbers_by_old_and_new_names(tmp_path, protocol, module):
    scalars = [np.int64(3), np.float32(0.5), np.bool_(True), np.str_("é"), np.uint8(255)]
    # without frames, so that names of another length may be put in
    data = pickle._dumps([ARRAYS, ARRAYS[0], scalars], protocol=min(protocol, 3))
    data = pickle.dumps([ARRAYS, ARRAYS[0], scalars], protocol) if module == b"numpy._core" else data
    data = data.replace(b"cnumpy._core", b"c" + module)
    arrays, again, numbers = load(tmp_path, data)
    for array, expected in zip(arrays, ARRAYS, strict=True):
        assert array.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=") and array.shape == expected.shape
        assert array.tolist() == expected.tolist() and array.flags.writeable
    assert again is arrays[0]
    assert numbers == [3, 0.5, True, "é", 255] and [type(x) for x in numbers] == [int, float, bool, str, int]


def test_python_2_pickle_protocol_0(tmp_path):
    # what Python 2's pickle.dumps({'cids': ['caf\xc3\xa9', u'\xe9'], 'qidxs': [1, 2L, True], 'x': {0.5: None}}) gives
    data = (
        b"(dp0\nS'cids'\np1\n(lp2\nS'caf\\xc3\\xa9'\np3\naV\xe9\np4\nasS'qidxs'\np5\n(lp6\nI1\naL2L\naI01\nas"
        b"S'x'\np7\n(dp8\nF0.5\nNss."
    )
    value = load(tmp_path, data)
    assert value == {"cids": ["cafÃ©", "é"], "qidxs": [1, 2, True], "x": {0.5: None}}
    assert upstream_lists.names(value["cids"], "cids") == ["café", "é"]


def test_python_2_pickle_protocol_2_with_numpy(tmp_path):
    # {'caf\xe9': numpy.int64(7), 'a': numpy.array([1, 256], '<i4')} with Python 2's byte strings
    dtype = b"cnumpy\ndtype\nq\x01U\x02%sq\x02K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    data = (
        b"\x80\x02}q\x00(U\x04caf\xe9"
        + b"cnumpy.core.multiarray\nscalar\n"
        + dtype % b"i8"
        + b"U\x08\x07\x00\x00\x00\x00\x00\x00\x00\x86R"
        + b"U\x01acnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85"
        + dtype % b"i4"
        + b"\x89U\x08\x01\x00\x00\x00\x00\x01\x00\x00tbu."
    )
    value = load(tmp_path, data)
    assert value["café"] == 7 and value["a"].tolist() == [1, 256]


class Evil:
    def __init__(self, function, *arguments):
        self.parts = (function, arguments)

    def __reduce__(self):
        return self.parts


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.system, ["touch {}"], "system"),
        (eval, ["open({!r}, 'w')"], "eval"),
        (np.load, ["{}"], r"numpy\.load"),
    ],
)
def test_refuses_every_other_global_by_name(tmp_path, protocol, function, arguments, name):
    arguments = [x.format(tmp_path / "made") if isinstance(x, str) else x for x in arguments]
    with pytest.raises(ValueError, match=f"x.pkl .*asks for .*{name}, which is not plain data"):
        load(tmp_path, pickle.dumps([Evil(function, *arguments)], protocol))
    assert not (tmp_path / "made").exists()


def global_(module, name):
    return b"c%s\n%s\n" % (module, name)


INT = global_(b"numpy", b"dtype") + b"(X\x02\x00\x00\x00i8I00\nI01\ntR"
OBJECT = global_(b"numpy", b"dtype") + b"(X\x02\x00\x00\x00O8I00\nI01\ntR"
NEW_ARRAY = global_(b"numpy.core.multiarray", b"_reconstruct") + global_(b"numpy", b"ndarray") + b"(K\x00tC\x01b\x87R"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<!DOCTYPE html><html>", b"(ios\nsystem\n.", b"Pid\n.", b"\x82\x01.", b"\x97.",  # INST, PERSID and more
        b"I" + b"9" * 5000 + b"\n.",
        b"B\xff\xff\xff\x7fabc.",  # bytes longer than the file
        b"\x8e" + struct.pack("<Q", 1 << 62) + b"abc.",
        global_(b"numpy", b"dtype") + b"(X\x04\x00\x00\x00V999tR.",
        global_(b"numpy", b"dtype") + b"(X\x03\x00\x00\x00i,OtR.",
        global_(b"numpy", b"dtype") + b"(]tR.",
        NEW_ARRAY + b"(K\x01(J\xff\xff\xff\x7fK\x02t" + INT + b"I00\nC\x04abcdtb.",
        NEW_ARRAY + b"(K\x01(J\xff\xff\xff\xfft" + INT + b"I00\nC\x08abcdefghtb.",
        NEW_ARRAY + b"(K\x01(J\xff\xff\xff\x7ft" + OBJECT + b"I00\n]tb.",
        NEW_ARRAY + b"(K\x01(K\x01t" + OBJECT + b"I00\nC\x08abcdefghtb.",
        global_(b"numpy.core.multiarray", b"scalar") + b"(" + OBJECT + b"C\x08abcdefghtR.",
    ],
)  # fmt: skip
def test_damaged_and_hostile_pickles_are_value_errors(tmp_path, data):
    with pytest.raises(ValueError, match=r"x.pkl is not a readable pickle of plain data: ."):
        load(tmp_path, data)


def test_deep_and_cyclic_nesting_is_harmless_and_size_is_limited(tmp_path, monkeypatch):
    assert len(load(tmp_path, b"]" * 100_000 + b"a" * 99_999 + b".")) == 1
    value = load(tmp_path, b"]q\x00h\x00a.")
    assert value[0] is value
    monkeypatch.setattr(upstream_lists, "MAX_BYTES", 4)
    with pytest.raises(ValueError, match="has 5 bytes, at most 4"):
        load(tmp_path, b"]N]a.")
    with pytest.raises(ValueError, match=r"no file .*nothing.pkl"):
        pickles.load(tmp_path / "nothing.pkl")
