"""ImageNet weights: which file holds those of a backbone, and their tensors by the names of its stages.

torch, torchvision and timm are imported when they are called for, and only for backbones that are theirs.
"""

from __future__ import annotations

import pickle
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from aml.storage.parameters import of_type, section
from aml.vision.backbones import BACKBONES, backbone

if TYPE_CHECKING:
    import torch

LIBRARIES = ("torchvision", "timm")


class WebFile(NamedTuple):
    """A file of weights as its library publishes it; sha256_start: the digits that its name has, "" for none."""

    name: str
    url: str
    sha256_start: str


def web_file(name: str) -> WebFile | None:
    """Where the library of backbone `name` keeps its weights; None where they come inside a Python package."""
    library, _, tag = backbone(name).weights.partition(":")
    if library == "torchvision":
        from torchvision.models import get_weight

        url = get_weight(tag).url
        file = PurePosixPath(url)
        return WebFile(file.name, url, file.stem.rpartition("-")[2])
    if library == "timm":
        from huggingface_hub import hf_hub_url
        from timm.models import get_pretrained_cfg

        return WebFile(f"{tag}.safetensors", hf_hub_url(get_pretrained_cfg(tag).hf_hub_id, "model.safetensors"), "")
    return None


def given_places(values: dict) -> dict[str, list[str]]:
    """Section `weights` of params.yaml: backbone -> URLs and local paths, for those that don't take their library's.

    Raises ValueError for what is no backbone with weights on the web.
    """
    given = {}
    known = [name for name, row in BACKBONES.items() if row.weights.partition(":")[0] in LIBRARIES]
    for name, places in (of_type(dict | None, section(values, "weights"), "weights") or {}).items():
        if name not in known:
            raise ValueError(f"unknown {name!r} in params.yaml: weights; known: {', '.join(known)}")
        places = of_type(list[str] | None, places, f"weights.{name}")
        given |= {name: places} if places else {}
    return given


def imagenet_state(name: str, file: Path | None) -> dict[str, torch.Tensor]:
    """The ImageNet weights of `name`, named as `nn.Sequential(*stages)` names them.

    file: what `web_file` names; None for weights inside a package, which have other names, in the same order.
    Raises ValueError for a file that is not readable and for tensors that are missing or of another shape.
    """
    from torch import nn

    row = backbone(name)
    modules, _ = row.stages()
    expected = nn.Sequential(*modules).state_dict()
    if file is None:
        package = files(row.weights)
        file = next(path for path in (package / "models").iterdir() if path.name.endswith(".pth"))
        found = dict(zip(expected, _read(Path(str(file))).values(), strict=False))
    else:
        found = {_renamed(theirs, row.names): tensor for theirs, tensor in _read(file).items()}
    return {ours: _checked(ours, found, tensor, file.name) for ours, tensor in expected.items()}


def _read(file):
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(f"{file} is no file of weights: {str(error).splitlines()[0]}") from None


def _renamed(theirs, names):
    """Our name of a library's tensor; its own where it is none of the backbone's, like the classifier's."""
    prefix = next((prefix for prefix in names if theirs.startswith(f"{prefix}.")), None)
    return theirs if prefix is None else f"{names[prefix]}{theirs.removeprefix(prefix)}".removeprefix(".")


def _checked(name, found, like, place):
    if name not in found and name.endswith("num_batches_tracked"):
        return like  # older files lack it; with frozen statistics, nothing reads it
    if name not in found or found[name].shape != like.shape:
        shape = tuple(found[name].shape) if name in found else "nothing"
        raise ValueError(f"{place}: {shape} for {name}; expected {tuple(like.shape)}")
    return found[name]
