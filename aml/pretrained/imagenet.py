"""Find the file with a backbone's ImageNet weights, and read its tensors by this project's names.

torch, torchvision and timm are imported late, and only for backbones that need them.
"""

from __future__ import annotations

import pickle
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from aml.networks.backbones import backbone, weights_source
from aml.params.pretrained import LIBRARIES

if TYPE_CHECKING:
    import torch


def web_file(name: str, places: list[str] | None) -> tuple[str, list[str]] | None:
    """Return the name of the file with the weights of backbone `name`, and the URLs and local paths that may have it.

    They are its library's, or `places`; the file is then called like the first of them. Returns None for a backbone
    whose weights come inside a Python package.
    """
    library, _, tag = weights_source(name).partition(":")
    if library not in LIBRARIES:
        return None
    if not places and library == "timm":
        from huggingface_hub import hf_hub_url
        from timm.models import get_pretrained_cfg

        return f"{tag}.safetensors", [hf_hub_url(get_pretrained_cfg(tag).hf_hub_id, "model.safetensors")]
    if not places:
        from torchvision.models import get_weight

        places = [get_weight(tag).url]
    return PurePosixPath(places[0]).name, places


def imagenet_state(name: str, file: Path | None) -> dict[str, torch.Tensor]:
    """Return the ImageNet weights of `name`, named as in `nn.Sequential(*blocks)`.

    file: what `web_file` names; None for weights inside a package, which have other names, in the same order.
    Raises ValueError for a file that is not readable and for tensors that are missing or of another shape.
    """
    from torch import nn

    row = backbone(name)
    expected = nn.Sequential(*row.blocks()).state_dict()
    if file is None:
        package = files(weights_source(name))
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
    except (
        SafetensorError,
        RuntimeError,
        EOFError,
        LookupError,
        TypeError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        raise ValueError(f"{file} is no file of weights: {str(error).splitlines()[0]}") from None


def _renamed(theirs, names):
    """Return this project's name of a library's tensor; the library's name if the backbone has no such tensor (the
    classifier, say)."""
    prefix = next((prefix for prefix in names if f"{theirs}.".startswith(f"{prefix}.")), None)
    return theirs if prefix is None else f"{names[prefix]}{theirs.removeprefix(prefix)}".removeprefix(".")


def _checked(name, found, like, place):
    if name not in found and name.endswith("num_batches_tracked"):
        return like  # older files lack it; with frozen statistics, nothing reads it
    if name not in found or found[name].shape != like.shape:
        shape = tuple(found[name].shape) if name in found else "nothing"
        raise ValueError(f"{place}: {shape} for {name}; expected {tuple(like.shape)}")
    return found[name]
