"""The authors' files, opened without running anything that is in them.

torch's own reader with `weights_only` accepts tensors and plain data. NumPy arrays, which the teachers' files hold, are
rebuilt from checked parts: the names that stand for them in a file lead to `aml.datasets.pickled_arrays`, not to NumPy.
"""

from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch

from aml.datasets import pickled_arrays


class _Dtype(pickled_arrays.Dtype):
    def __setstate__(self, state):
        self.build(*state)


class _Array(pickled_arrays.Array):
    def __setstate__(self, state):
        self.build(*state)


ACCEPTED = [
    (_Dtype, "numpy.dtype"),
    (pickled_arrays.no_array, "numpy.ndarray"),
    *((_Array, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),  # before and since NumPy 2
    *((pickled_arrays.scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]


def read_checkpoint(path: Path) -> dict:
    """The tensors (on the CPU), arrays and plain data of a file that `torch.save` wrote: a dict at its top.

    Raises ValueError naming the file if it is none, damaged, or asks for anything else.
    """
    if not Path(path).is_file():
        raise ValueError(f"no file {path}")
    try:
        with torch.serialization.safe_globals(ACCEPTED):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} is no readable file of tensors and arrays: {reason}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds {type(content).__name__}; a dict is expected")
    return _plain(content)


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, _Array) else value


def matrix(content: dict, name: str, place: str) -> np.ndarray:
    """The array or tensor `name` of a dict as float64. Raises ValueError where it is missing or no finite numbers."""
    value = content.get(name)
    if isinstance(value, torch.Tensor):
        value = value.numpy()
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise ValueError(f"{place}: {name!r} is {type(value).__name__}; an array of numbers is expected")
    value = value.astype(np.float64, order="C")
    if not np.isfinite(value).all():
        raise ValueError(f"{place}: {name!r} holds non-finite values")
    return value
