"""NumPy arrays and scalars out of pickles, rebuilt from checked parts: NumPy's own `__setstate__` trusts what it is
given and is never called."""

import math
import re
import sys

import numpy as np

_CODES = re.compile(r"[biufcSU]\d{1,6}|O8?|\?|bool")
_ELEMENTS = (str, int, float, bytes, bool, type(None))


class Dtype:
    """A dtype under construction: `value`, restricted to numbers, texts and plain objects."""

    def __init__(self, code, align=False, copy=True):
        if not isinstance(code, str) or not _CODES.fullmatch(code):
            found = repr(code[:40]) if isinstance(code, str) else f"a {type(code).__name__}"
            raise ValueError(f"it has an array of dtype {found}; accepted are numbers, texts, plain objects")
        self.value = np.dtype(object if code[0] == "O" else code)

    def build(self, version, byte_order, fields=None, *rest):
        if byte_order not in ("<", ">", "|", "=") or fields is not None:
            raise ValueError("it has an array with fields or an unknown byte order")
        self.value = self.value.newbyteorder(byte_order)


class Array:
    """An array under construction: `value` once its state came; places: where the pickle noted it before that."""

    def __init__(self, kind, shape, code):
        if kind is not no_array:
            raise ValueError("it has an array of an unknown class")
        self.value, self.places = None, []

    def build(self, version, shape, dtype, is_fortran, data):
        self.value = from_buffer(data, dtype, shape, "F" if is_fortran else "C")


def from_buffer(data, dtype, shape, order) -> np.ndarray:
    """An array of its bytes (a list for objects). Raises ValueError where shape, dtype and contents do not agree."""
    if not isinstance(dtype, Dtype) or order not in ("C", "F"):
        raise ValueError("it has an array without a dtype")
    if not isinstance(shape, tuple) or len(shape) > 32 or not all(type(n) is int and 0 <= n < 2**48 for n in shape):
        raise ValueError("it has an array of impossible shape")
    if dtype.value.hasobject:
        # plain elements only: containers in arrays in containers ... could nest deeper than the process can free
        if not isinstance(data, list) or not all(isinstance(x, _ELEMENTS) for x in data):
            raise ValueError("it has an array of objects that are neither texts nor numbers")
        elements = np.empty(len(data), dtype=object)
        elements[:] = data
    else:
        data = data.encode("latin1") if isinstance(data, str) else data  # bytes of Python 2
        if not isinstance(data, bytes) or dtype.value.itemsize == 0 or len(data) % dtype.value.itemsize:
            raise ValueError(f"it has an array of {dtype.value} with other contents than such values")
        _check_characters(data, dtype.value)
        elements = np.frombuffer(data, dtype=dtype.value).copy()
    if len(elements) != math.prod(shape):
        raise ValueError(f"it has an array of shape {str(shape)[:60]} with {len(elements)} elements")
    return elements.reshape(shape, order=order)


def _check_characters(data: bytes, dtype: np.dtype):
    """NumPy itself takes any four bytes for a character, and Python then ends in a SystemError."""
    if dtype.kind == "U" and (np.frombuffer(data, np.dtype("u4").newbyteorder(dtype.byteorder)) > sys.maxunicode).any():
        raise ValueError(f"it has an array of {dtype} with what is no character")


def scalar(dtype, data):
    """A NumPy scalar as int, float, complex, bool, str or bytes."""
    if not isinstance(dtype, Dtype) or dtype.value.hasobject:
        raise ValueError("it has a NumPy scalar that is neither number nor text")
    return from_buffer(data, dtype, (), "C").item()


def no_array(*arguments):
    """Stands for the class np.ndarray, which is named but never called."""
    raise ValueError("it calls numpy.ndarray")
