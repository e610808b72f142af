"""Plain data out of pickles from the web: the opcodes are interpreted here, nothing of a pickle's choice is called.

Accepted are None, bool, int, float, str, bytes, list, tuple, dict, set and NumPy arrays and scalars of numbers and
texts, by their names before and since NumPy 2. Texts of Python 2 are read as latin1. A pickle may be made to grow as
it is read: the number of its opcodes is limited, and what its calls make is limited by its own size.
"""

import codecs
import io
import pickletools
import struct
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from aml.datasets import pickled_arrays

MAX_OPCODES = 10_000_000  # the lists of retrieval-SfM-120k have about a million; each makes at most 300 bytes
GROWTH = 16  # bytes that calls may make of one in the pickle; an element of an array of objects has 8

_SCALARS = (str, int, float, bytes, bool, type(None))
ERRORS = (ValueError, LookupError, TypeError, AttributeError, OverflowError, struct.error)


def load(path, *, max_bytes: int):
    """The plain data of a pickle file, any protocol; arrays as np.ndarray, NumPy scalars as int, float, ...

    Raises ValueError naming the file for one that is larger than `max_bytes`, cut off, damaged, or that asks for
    anything but plain data (functions, classes, references to outside).
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"no file {path}")
    if path.stat().st_size > max_bytes:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, at most {max_bytes} are accepted")
    try:
        return Reader(io.BytesIO(path.read_bytes())).run()
    except ERRORS as error:
        raise ValueError(f"{path} is no readable pickle of plain data: {error}") from None


class Reader:
    """Runs the opcodes of the pickles in `file` (`pickletools` documents them) on a stack of plain data.

    callables: what a pickle may name, by module and name; leaves: what its result may hold beside containers. Raises
    one of `ERRORS`.
    """

    callables: ClassVar[dict[tuple[str, str], Any]]
    leaves: ClassVar[tuple[type, ...]] = (*_SCALARS, np.ndarray)

    def __init__(self, file: io.BytesIO):
        self.file = file
        self.allowance = GROWTH * file.getbuffer().nbytes

    def run(self):
        """The value of the next pickle."""
        self.stack, self.outer, self.memo = [], [], {}
        for _ in range(MAX_OPCODES):
            position, code = self.file.tell(), self.file.read(1).decode("latin1")
            if not code:
                raise ValueError(f"it is cut off after {position} bytes")
            if code not in pickletools.code2op:
                raise ValueError(f"byte {ord(code)} at position {position} is no opcode")
            opcode = pickletools.code2op[code]
            if opcode.name == "STOP":
                return self.plain(self.stack.pop())
            if opcode.name in _VALUES:
                self.push(self.argument(opcode))
            elif opcode.name in _ACTIONS:
                _ACTIONS[opcode.name](self, self.argument(opcode))
            else:
                raise ValueError(f"opcode {opcode.name} at position {position} asks for more than plain data")
        raise ValueError(f"it has more than {MAX_OPCODES} opcodes")

    def argument(self, opcode):
        """What follows an opcode; pickletools compares lengths with what is left before it reads."""
        if opcode.name == "STRING":  # Python 2, protocol 0, where pickletools reads ASCII only
            line = self.file.readline().strip()
            if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
                raise ValueError("it has a text without quotation marks")
            return codecs.escape_decode(line[1:-1])[0].decode("latin1")
        return opcode.arg.reader(self.file) if opcode.arg else None

    def push(self, value):
        self.stack.append(value)

    def mark(self):
        self.outer.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list:
        items, self.stack = self.stack, self.outer.pop()
        return items

    def pop(self):
        if self.stack:
            self.stack.pop()
        else:
            self.pop_to_mark()

    def tuple_of(self, length):
        if len(self.stack) < length:
            raise ValueError("it has a tuple of missing items")
        self.stack[-length:] = [tuple(self.stack[-length:])]

    def extend(self, items, kind):
        if type(self.stack[-1]) is not kind:
            raise ValueError(f"it puts items of a {kind.__name__} into a {type(self.stack[-1]).__name__}")
        if kind is list:
            self.stack[-1].extend(items)
        else:
            self.stack[-1].update(_dict(items) if kind is dict else _set(items))

    def put(self, place):
        self.memo[place] = self.stack[-1]
        if isinstance(self.stack[-1], pickled_arrays.Array):
            self.stack[-1].places.append(place)

    def find(self, module, name):
        if not isinstance(module, str) or not isinstance(name, str):  # a nest of tuples could not be hashed or printed
            raise ValueError(f"it asks for a {type(name).__name__} in a {type(module).__name__}")
        if (module, name) not in self.callables:
            raise ValueError(f"it asks for {f'{module}.{name}'[:100]}, which is not plain data")
        self.stack.append(self.callables[module, name])

    def reduce(self):
        arguments, function = self.stack.pop(), self.stack.pop()
        if not any(function is known for known in self.callables.values()):
            raise ValueError(f"it calls a {type(function).__name__}")
        self.stack.append(function(*arguments))
        if isinstance(self.stack[-1], bytes | str):
            self.charge(len(self.stack[-1]))

    def charge(self, num_bytes):
        self.allowance -= num_bytes
        if self.allowance < 0:
            raise ValueError(f"its calls make more than {GROWTH} times its size")

    def persistent(self, identifier):
        raise ValueError("it refers to something outside of it")

    def build(self):
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, pickled_arrays.Dtype | pickled_arrays.Array):
            raise ValueError(f"it sets the state of a {type(target).__name__}")
        target.build(*state)
        if isinstance(target, pickled_arrays.Array):  # from here on the array itself, where it was noted as well
            self.charge(target.value.nbytes)
            self.stack[-1] = target.value
            self.memo.update((place, target.value) for place in target.places)

    def plain(self, value):
        """`value`, checked to hold nothing but plain data (no function, no unfinished array)."""
        pending, seen = [value], set()
        while pending:
            item = pending.pop()
            if isinstance(item, self.leaves) or id(item) in seen:
                continue
            if not isinstance(item, list | tuple | dict | set):
                raise ValueError("it holds a part of an array or a function where data is expected")
            seen.add(id(item))
            pending.extend(item.values() if isinstance(item, dict) else item)
        return value


def _key(item):
    # no tuples: hashing a million of them, nested, would end the process
    if not isinstance(item, _SCALARS):
        raise ValueError(f"it has a {type(item).__name__} as a key; accepted are texts and numbers")
    return item


def _set(items=()):
    return {_key(item) for item in items}


def _dict(items):
    return {_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)}


def _bytes():
    return b""


def _encode(text, encoding):  # how Python 3 writes bytes for the protocols of Python 2
    if not isinstance(encoding, str) or encoding != "latin1":
        raise ValueError("it has bytes that are not encoded as latin1")
    return text.encode("latin1")


CALLABLES = {("_codecs", "encode"): _encode, ("numpy", "dtype"): pickled_arrays.Dtype}
for _module in ("builtins", "__builtin__"):
    CALLABLES |= {(_module, "set"): _set, (_module, "frozenset"): _set, (_module, "bytes"): _bytes}
for _module in ("numpy.core", "numpy._core"):
    CALLABLES[f"{_module}.multiarray", "_reconstruct"] = pickled_arrays.Array
    CALLABLES[f"{_module}.multiarray", "scalar"] = pickled_arrays.scalar
    CALLABLES[f"{_module}.numeric", "_frombuffer"] = pickled_arrays.from_buffer
CALLABLES["numpy", "ndarray"] = pickled_arrays.no_array  # named as an argument of _reconstruct only
Reader.callables = CALLABLES

_VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
_ACTIONS = {
    "PROTO": lambda reader, _: None,
    "FRAME": lambda reader, _: None,
    "NONE": lambda reader, _: reader.push(None),
    "NEWTRUE": lambda reader, _: reader.push(True),
    "NEWFALSE": lambda reader, _: reader.push(False),
    "BYTEARRAY8": lambda reader, data: reader.push(bytes(data)),
    "EMPTY_LIST": lambda reader, _: reader.push([]),
    "EMPTY_DICT": lambda reader, _: reader.push({}),
    "EMPTY_SET": lambda reader, _: reader.push(set()),
    "EMPTY_TUPLE": lambda reader, _: reader.push(()),
    "LIST": lambda reader, _: reader.push(reader.pop_to_mark()),
    "TUPLE": lambda reader, _: reader.push(tuple(reader.pop_to_mark())),
    "DICT": lambda reader, _: reader.push(_dict(reader.pop_to_mark())),
    "FROZENSET": lambda reader, _: reader.push(_set(reader.pop_to_mark())),
    "TUPLE1": lambda reader, _: reader.tuple_of(1),
    "TUPLE2": lambda reader, _: reader.tuple_of(2),
    "TUPLE3": lambda reader, _: reader.tuple_of(3),
    "APPEND": lambda reader, _: reader.extend([reader.stack.pop()], list),
    "APPENDS": lambda reader, _: reader.extend(reader.pop_to_mark(), list),
    "SETITEM": lambda reader, _: reader.extend([reader.stack.pop(-2), reader.stack.pop()], dict),
    "SETITEMS": lambda reader, _: reader.extend(reader.pop_to_mark(), dict),
    "ADDITEMS": lambda reader, _: reader.extend(reader.pop_to_mark(), set),
    "MARK": lambda reader, _: reader.mark(),
    "POP": lambda reader, _: reader.pop(),
    "POP_MARK": lambda reader, _: reader.pop_to_mark(),
    "DUP": lambda reader, _: reader.push(reader.stack[-1]),
    "PUT": Reader.put,
    "BINPUT": Reader.put,
    "LONG_BINPUT": Reader.put,
    "MEMOIZE": lambda reader, _: reader.put(len(reader.memo)),
    "GET": lambda reader, place: reader.push(reader.memo[place]),
    "BINGET": lambda reader, place: reader.push(reader.memo[place]),
    "LONG_BINGET": lambda reader, place: reader.push(reader.memo[place]),
    "GLOBAL": lambda reader, name: reader.find(*name.split(" ", 1)),
    "STACK_GLOBAL": lambda reader, _: reader.find(reader.stack.pop(-2), reader.stack.pop()),
    "REDUCE": lambda reader, _: reader.reduce(),
    "BUILD": lambda reader, _: reader.build(),
    "BINPERSID": lambda reader, _: reader.persistent(reader.stack.pop()),
}
