"""Read the authors' files, written by `torch.save` since 1.6 (zip) or before, without running anything in them."""

from pathlib import Path

import torch

from aml.datasets.pickles import NUMPY_GLOBALS

_SAFE = [(found, name) for name, found in NUMPY_GLOBALS.items()]


def read_checkpoint(path: Path) -> dict:
    """Return the tensors (on the CPU), arrays and plain data of a file that `torch.save` wrote: a dict at its top.

    Raises ValueError naming the file if it is not such a file, is damaged, or asks for anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"no file {path}")
    try:
        with torch.serialization.safe_globals(_SAFE):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may raise any
        what = str(error).rpartition("WeightsUnpickler error: ")[2]  # without torch's advice to trust the file
        reason = what.partition("\n")[0][:200] or type(error).__name__
        raise ValueError(f"{path} is not a readable file of tensors and arrays: {reason}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}; a dict is expected")
    return content
