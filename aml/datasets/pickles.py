"""Read pickles from the web without running anything in them: they may ask only for the names in GLOBALS.

Accepted are None, bool, int, float, str, bytes, list, tuple, dict, set and NumPy arrays and scalars of numbers and
texts, by their names before and since NumPy 2. Texts of Python 2 are read as latin1. Functions of this file take the
place of NumPy's own and check their arguments, since NumPy believes any layout of the memory that a pickle states.
"""

import io
import math
import pickle
import re
from pathlib import Path

import numpy as np

from aml.datasets.upstream_lists import read

_CODES = re.compile(r"[biufcSU]\d{1,6}|O8?|\?|bool")


def load(path: Path):
    """Return the plain data of a pickle file of any protocol; NumPy's scalars become int, float, ...

    Raises ValueError naming the file for one that `read` refuses, that is cut off, damaged, or that asks for anything
    but plain data (functions, classes, references to outside). A damaged one may still hold one of the
    stand-ins as a value, so callers check the types of what they take.
    """
    content = read(path)
    try:
        return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # a damaged pickle may raise any
        reason = str(error)[:200] or type(error).__name__
        raise ValueError(f"{path} is not a readable pickle of plain data: {reason}") from None


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        found = GLOBALS.get(f"{module}.{name}")
        if found is None:
            raise ValueError(f"it asks for {f'{module}.{name}'[:100]}, which is not plain data")
        return found


class Dtype:
    """The dtype of an array or scalar in a pickle: numbers, texts or plain objects."""

    def __init__(self, code, *_):
        if not _CODES.fullmatch(code):
            raise ValueError(f"it has an array of dtype {code[:40]!r}; accepted are numbers, texts, plain objects")
        self.value = np.dtype(object if code[0] == "O" else code)

    def __setstate__(self, state):
        self.value = self.value.newbyteorder(state[1])


class Array(np.ndarray):
    """An array in a pickle, empty until its state comes."""

    def __new__(cls, *_):
        return super().__new__(cls, (0,), "b")

    def __setstate__(self, state):
        _, shape, dtype, is_fortran, data = state
        is_object = dtype.value.hasobject
        if not isinstance(data, list if is_object else (bytes, str)) or min(shape, default=0) < 0:
            raise ValueError(f"it has an array of {dtype.value} with a {type(data).__name__} for contents")
        if is_object and len(data) != math.prod(shape):  # NumPy compares the sizes of other arrays, not of these
            raise ValueError(f"it has an array of shape {str(shape)[:60]} with {len(data)} elements")
        super().__setstate__((1, shape, dtype.value, is_fortran, data))


def scalar(dtype, data):
    """Return a NumPy scalar of these bytes as int, float, complex, bool, str or bytes."""
    data = data.encode("latin1") if isinstance(data, str) else data  # bytes of Python 2
    return np.frombuffer(data, dtype.value, 1)[0].item()


def from_buffer(data, dtype, shape, order) -> np.ndarray:
    """Return an array of these bytes, in memory of its own."""
    return np.frombuffer(data, dtype.value).reshape(shape, order=order).copy(order)


NUMPY_GLOBALS = {"numpy.dtype": Dtype, "numpy.ndarray": Array}
for _module in ("numpy.core", "numpy._core"):
    NUMPY_GLOBALS |= {f"{_module}.multiarray._reconstruct": Array, f"{_module}.multiarray.scalar": scalar}
    NUMPY_GLOBALS[f"{_module}.numeric._frombuffer"] = from_buffer
# Python 3 writes bytes as their latin1 text for the protocols of Python 2, and none as bytes()
GLOBALS = NUMPY_GLOBALS | {"_codecs.encode": lambda text, _: text.encode("latin1")}
for _module in ("builtins", "__builtin__"):
    GLOBALS |= {f"{_module}.set": set, f"{_module}.frozenset": frozenset, f"{_module}.bytes": lambda: b""}
