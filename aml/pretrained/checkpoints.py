"""The authors' files, as `torch.save` has written them since 1.6 (zip) and before, read without torch's unpickler.

The opcodes are interpreted by `aml.datasets.pickles`, with tensors among the data: nothing of a file's choice is
called, and no tensor has more numbers than the file holds for it.
"""

import io
import itertools
import math
import struct
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from aml.datasets import pickles

MAGIC = 0x1950A86A20F9469CFC6C  # opens a file of the old kind
DTYPES = {
    "Float": torch.float32, "Double": torch.float64, "Half": torch.float16, "BFloat16": torch.bfloat16,
    "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
    "Bool": torch.bool,
}  # fmt: skip


class _Storage(NamedTuple):
    key: str
    dtype: torch.dtype


class _Tensor:
    """A view of a storage whose bytes may stand further down in the file."""

    def __init__(self, storage, offset, size, stride, *others):
        is_view = isinstance(storage, _Storage) and isinstance(size, tuple) and isinstance(stride, tuple)
        if not is_view or len(size) != len(stride) or len(size) > 32:
            raise ValueError("it has a tensor without a storage, or of impossible shape")
        if not all(type(n) is int and 0 <= n < 2**48 for n in (offset, *size, *stride)):
            raise ValueError("it has a tensor of impossible shape")
        self.storage, self.view = storage, (size, stride, offset)

    def of(self, storages: dict[str, bytearray]) -> torch.Tensor:
        (size, stride, offset), dtype = self.view, self.storage.dtype
        count = len(storages.get(self.storage.key, b"")) // dtype.itemsize
        if not math.prod(size):
            return torch.empty(size, dtype=dtype)
        if (
            math.prod(size) > count
            or offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) >= count
        ):
            raise ValueError(f"it has a tensor of shape {size} in a storage of {count} numbers")
        return torch.frombuffer(storages[self.storage.key], dtype=dtype, count=count).as_strided(size, stride, offset)


def _parameter(tensor, *others):
    if not isinstance(tensor, _Tensor):
        raise ValueError("it has a parameter that is no tensor")
    return tensor


def _ordered_dict():
    return {}


class _Reader(pickles.Reader):
    """Pickles with tensors; dtypes: key of each storage that they name -> dtype."""

    callables = pickles.CALLABLES | {
        ("collections", "OrderedDict"): _ordered_dict,
        ("torch._utils", "_rebuild_tensor"): _Tensor,  # before 0.4
        ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
        ("torch._utils", "_rebuild_parameter"): _parameter,
        **{
            (module, f"{name}Storage"): dtype
            for module, (name, dtype) in itertools.product(("torch", "torch.cuda"), DTYPES.items())
        },
    }
    leaves = (*pickles.Reader.leaves, _Tensor)

    def __init__(self, file: io.BytesIO):
        super().__init__(file)
        self.dtypes = {}

    def persistent(self, identifier):
        """("storage", kind, key, location, number of elements, ...)"""
        match identifier:
            case ("storage", torch.dtype() as dtype, str() as key, str(), int(), *_):
                self.dtypes[key] = dtype
                self.stack.append(_Storage(key, dtype))
            case _:
                raise ValueError("it refers to something that is no storage")

    def build(self):
        if isinstance(self.stack[-2], dict):
            self.stack.pop()  # torch notes versions as an attribute of a state
        else:
            super().build()


def read_checkpoint(path: Path) -> dict:
    """The tensors (on the CPU), arrays and plain data of a file that `torch.save` wrote: a dict at its top.

    Raises ValueError naming the file if it is none, damaged, or asks for anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"no file {path}")
    try:
        with open(path, "rb") as file:
            is_zip = file.read(4) == b"PK\x03\x04"
        content, storages = _read_zip(path) if is_zip else _read_old(path)
        if not isinstance(content, dict):
            raise ValueError(f"it holds {type(content).__name__}; a dict is expected")
        _put_together(content, storages)
    except (*pickles.ERRORS, OSError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} is no readable file of tensors and arrays: {reason}") from error
    return content


def _read_zip(path: Path) -> tuple[object, dict[str, bytearray]]:
    """<name>/data.pkl, and <name>/data/<key> for each storage."""
    with zipfile.ZipFile(path) as archive:
        members = {member.filename.partition("/")[2]: member for member in archive.infolist()}
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise ValueError("it is compressed, which torch.save never does")
        if sum(member.file_size for member in members.values()) > path.stat().st_size:
            raise ValueError("its members overlap")
        if "data.pkl" not in members:
            raise ValueError("it has no data.pkl")
        if "byteorder" in members and archive.read(members["byteorder"]) != b"little":
            raise ValueError("its byte order is not little")
        content = _Reader(io.BytesIO(archive.read(members["data.pkl"]))).run()
        data = {name.removeprefix("data/"): m for name, m in members.items() if name.startswith("data/")}
        return content, {key: bytearray(archive.read(member)) for key, member in data.items()}


def _read_old(path: Path) -> tuple[object, dict[str, bytearray]]:
    """Five pickles (a magic number, the version, the machine, the content, the keys of the storages), then each
    storage: the number of its elements, and their bytes."""
    file = io.BytesIO(path.read_bytes())
    reader = _Reader(file)
    if reader.run() != MAGIC:
        raise ValueError("it does not start as torch.save's files do")
    _version, _machine, content, keys = (reader.run() for _ in range(4))
    if not isinstance(keys, list) or any(not isinstance(key, str) or key not in reader.dtypes for key in keys):
        raise ValueError("it has no list of its storages")
    storages = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        storages[key] = bytearray(file.read(max(0, count) * reader.dtypes[key].itemsize))
        if len(storages[key]) != count * reader.dtypes[key].itemsize:
            raise ValueError(f"storage {key[:40]!r} is cut off")
    return content, storages


def _put_together(content: dict, storages: dict[str, bytearray]) -> None:
    """The tensors in dicts in dicts, in their places."""
    pending, seen = [content], set()
    while pending:
        container = pending.pop()
        if id(container) in seen:
            continue
        seen.add(id(container))
        for name, value in container.items():
            if isinstance(value, _Tensor):
                container[name] = value.of(storages)
            elif isinstance(value, dict):
                pending.append(value)


def matrix(content: dict, name: str, place: str) -> np.ndarray:
    """The array or tensor `name` of a dict as float64. Raises ValueError where it is missing or no finite numbers."""
    value = content.get(name)
    if isinstance(value, torch.Tensor) and value.dtype != torch.bfloat16:
        value = value.numpy()
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise ValueError(f"{place}: {name!r} is {type(value).__name__}; an array of numbers is expected")
    value = value.astype(np.float64, order="C")
    if not np.isfinite(value).all():
        raise ValueError(f"{place}: {name!r} holds non-finite values")
    return value
