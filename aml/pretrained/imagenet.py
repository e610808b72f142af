"""Find the file with a backbone's ImageNet weights, and read its tensors by this project's names.

torchvision and timm are imported late, and only for backbones that need them.
"""

from importlib.resources import files
from pathlib import Path, PurePosixPath

import torch
from torch import nn

from aml.networks.backbones import backbone, weights_source
from aml.networks.stored import fill
from aml.params.pretrained import LIBRARIES
from aml.pretrained.files import read_tensors
from aml.pretrained.layouts import renamed


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
    Raises ValueError for a file that is not readable and for tensors that are missing, not finite or of another shape.
    """
    row = backbone(name)
    blocks = nn.Sequential(*row.blocks())
    ours = blocks.state_dict()
    if file is None:
        folder = files(weights_source(name)) / "models"
        file = next(Path(str(path)) for path in folder.iterdir() if path.name.endswith(".pth"))
        found = dict(zip(ours, read_tensors(file).values(), strict=False))  # the classifier comes last
    else:
        found = renamed(read_tensors(file), row.names)
    fill(blocks, {key: found[key] for key in ours if key in found}, file.name)
    return blocks.state_dict()
