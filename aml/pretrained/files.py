"""Fetch the files of networks that others trained, and read them without running anything of theirs."""

import re
from pathlib import Path

import torch
from safetensors.torch import load_file

from aml.datasets.pickles import NUMPY_GLOBALS
from aml.download.fetch import fetch

_DIGITS = re.compile(r"-([0-9a-f]{7,64})\.\w+$")  # as torch.hub and the authors name files
_SAFE = [(found, name) for name, found in NUMPY_GLOBALS.items()]


def bring(name: str, sources: list[str], folder: Path, *, digests: Path) -> Path:
    """Fetch the file `name` into `folder` from the first of `sources`, URLs and local paths, that has it.

    Where its name ends in digits, its sha256 must start with them. Raises ValueError as `fetch` does.
    """
    digits = _DIGITS.search(name)
    fetch(sources, folder / name, digests=digests, sha256_start=digits[1] if digits else "")
    return folder / name


def read_tensors(path: Path) -> dict:
    """Return the tensors (on the CPU), arrays and plain data of a file: by its ending one of safetensors, else one that
    `torch.save` wrote, since 1.6 (zip) or before, with a dict at its top.

    Raises ValueError naming the file if it is not such a file, is damaged, or asks for anything else.
    """
    if not path.is_file():
        raise ValueError(f"no file {path}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with torch.serialization.safe_globals(_SAFE):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may raise any
        what = str(error).rpartition("WeightsUnpickler error: ")[2]  # without torch's advice to trust the file
        reason = what.partition("\n")[0][:200] or type(error).__name__
        raise ValueError(f"{path} is not a readable file of tensors and arrays: {reason}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}; a dict is expected")
    return content
