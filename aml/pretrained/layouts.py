"""Map the names of tensors in the authors' files to those of `RetrievalNetwork`.

A layout maps prefixes of dotted names; the rest of a name stays. Nothing here imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

POOL = {"pool": "pool"}
WHOLE = {"features": "backbone", **POOL, "whiten": "whitening"}  # teachers'
LAYOUTS = {
    "vgg16": WHOLE,  # torchvision's features.0 to features.29
    "resnet50": WHOLE,  # conv1, bn1, ReLU, max-pool, layer1 to layer4
    "resnet101": WHOLE,
    "resnet152": WHOLE,
    "mobilenet_v2": {"features.0": "backbone", "features.1": "projection", **POOL},
}
EFFICIENTNET_CHANNELS = 1536  # of EfficientNet-B3's head
EFFICIENTNET_BLOCKS = 7


def _efficientnet(blocks: int, head: int, normalisation: int, projection: int) -> dict[str, str]:
    """Return the layout of timm's children in a Sequential: 0 and 1 are the stem; the numbers of the others depend
    on whether activations are children of their own. `RetrievalNetwork` has the seven blocks as its blocks 2 to 8."""
    middle = {f"features.{blocks}.{i}": f"backbone.{2 + i}" for i in range(EFFICIENTNET_BLOCKS)}
    return {
        "features.0": "backbone.0",
        "features.1": "backbone.1",
        **middle,
        f"features.{head}": f"backbone.{2 + EFFICIENTNET_BLOCKS}",
        f"features.{normalisation}": f"backbone.{3 + EFFICIENTNET_BLOCKS}",
        f"features.{projection}": "projection",
        **POOL,
    }


EFFICIENTNETS = {  # by the name of the 1x1 convolution
    "features.7.weight": _efficientnet(blocks=3, head=4, normalisation=5, projection=7),  # timm before 0.6
    "features.5.weight": _efficientnet(blocks=2, head=3, normalisation=4, projection=5),
}
BACKBONES = (*LAYOUTS, "efficientnet_b3")


def layout(backbone: str, state: dict) -> dict[str, str]:
    """Return the layout of `backbone` in a published file. Raises ValueError for a backbone without one."""
    if backbone in LAYOUTS:
        return LAYOUTS[backbone]
    if backbone not in BACKBONES:
        raise ValueError(f"no published network has backbone {backbone!r}; known: {', '.join(BACKBONES)}")
    for name, prefixes in EFFICIENTNETS.items():
        shape = tuple(state[name].shape) if name in state else ()
        if len(shape) == 4 and shape[1] == EFFICIENTNET_CHANNELS:
            return prefixes
    raise ValueError(f"none of {', '.join(EFFICIENTNETS)} is a 1x1 convolution of {EFFICIENTNET_CHANNELS} channels")


def renamed(state: dict[str, torch.Tensor], prefixes: dict[str, str]) -> dict[str, torch.Tensor]:
    """Return the tensors under the names of `RetrievalNetwork`. Raises ValueError for the first name that has none
    of the prefixes."""
    names = {}
    for name, tensor in state.items():
        prefix = next((prefix for prefix in prefixes if name.startswith(f"{prefix}.")), None)
        if prefix is None:
            raise ValueError(f"{name!r} is no tensor of the network; accepted: {', '.join(prefixes)}")
        names[prefixes[prefix] + name.removeprefix(prefix)] = tensor
    return names
