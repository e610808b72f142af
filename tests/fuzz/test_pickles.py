import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aml.datasets import pickles
from tests.datasets.test_pickles import INT, NEW_ARRAY, OBJECT
from tests.fuzz.inputs import PLAIN, damaged, fuzzed
from tests.fuzz.watch import ends_well

pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence", "ignore:.*is an invalid octal")

VALUE = {
    "cids": ["a", "b", "café"], "x": np.arange(3), "o": np.array(["a", 1, None], dtype=object), "s": {1, "a"},
    "y": [1.5, (2, (3,)), np.int64(3), np.str_("x"), 2**80, b"bytes" * 60, None, True],
}  # fmt: skip
WHOLE = [pickle.dumps(VALUE, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
WHOLE += [data.replace(b"numpy._core", b"numpy.core") for data in WHOLE[:3]]
OPCODES = [bytes([code]) for code in b"(]}).aestubR20NQl\x85\x86\x87\x88\x89\x8f\x90\x91\x93\x94"]
WORDS = [
    b"q\x00", b"q\x01", b"h\x00", b"h\x01", b"p5\n", b"g5\n", b"K\x00", b"K\x02", b"M\xff\xff", b"J\xff\xff\xff\xff",
    b"I01\n", b"L99999999999999999999L\n", b"F1e400\n", b"G\x7f\xf0\0\0\0\0\0\0", b"X\x02\0\0\0i8", b"X\x02\0\0\0O8",
    b"U\x02S9", b"C\x08abcdefgh", b"\x8c\x06latin1", b"\x8c\x05numpy", b"\x8c\x05dtype", b"X\x01\0\0\0C",
    b"\x8b\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f", b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"cbuiltins\nset\n",
    b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy.core.multiarray\nscalar\n", b"c_codecs\nencode\n",
    b"cnumpy._core.numeric\n_frombuffer\n", b"cos\nsystem\n", b"Pid\n", INT, OBJECT, NEW_ARRAY,
]  # fmt: skip
PROGRAMS = st.lists(st.sampled_from(OPCODES + WORDS), max_size=40)


def load(folder, data):
    path = folder / "x.pkl"
    path.write_bytes(data)
    return ends_well(lambda: pickles.load(path), folder)


@fuzzed
@given(data=damaged(*WHOLE))
def test_damaged_pickles(folder, data):
    load(folder, data)


@fuzzed
@given(program=PROGRAMS)
def test_any_sequence_of_opcodes(folder, program):
    load(folder, b"".join(program) + b".")


@fuzzed
@given(value=PLAIN, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_data_comes_back_equal(folder, value, protocol):
    value = [value, {"a"}]
    assert repr(load(folder, pickle.dumps(value, protocol))) == repr(value)
