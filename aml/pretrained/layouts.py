"""Under which names the authors' files keep a network, and under which `RetrievalNetwork` does.

A layout is a table of prefixes, whole components of dotted names; what follows a prefix stays. Torch-free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

POOL = {"pool": "pool"}
LAYOUTS = {
    "vgg16": {"features": "backbone", **POOL},  # torchvision's features.0 to features.29
    "resnet101": {"features": "backbone", **POOL},  # conv1, bn1, ReLU, max-pool, layer1 to layer4
    "mobilenet_v2": {"features.0": "backbone", "features.1": "projection", **POOL},
}
EFFICIENTNET_CHANNELS = 1536  # of EfficientNet-B3's head
EFFICIENTNET_BLOCKS = 7


def _efficientnet(blocks: int, head: int, normalisation: int, projection: int) -> dict[str, str]:
    """timm's children in a Sequential: 0 and 1 are the stem; the others' places depend on whether activations are
    children of their own. `RetrievalNetwork` has the seven blocks as stages 2 to 8."""
    stages = {f"features.{blocks}.{i}": f"backbone.{2 + i}" for i in range(EFFICIENTNET_BLOCKS)}
    return {
        "features.0": "backbone.0",
        "features.1": "backbone.1",
        **stages,
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


def layout(backbone: str, state: dict, place: str) -> dict[str, str]:
    """The prefixes of `backbone` in a published state. Raises ValueError for a backbone that has none."""
    if backbone in LAYOUTS:
        return LAYOUTS[backbone]
    if backbone not in BACKBONES:
        raise ValueError(f"no published network has backbone {backbone!r}; known: {', '.join(BACKBONES)}")
    for name, prefixes in EFFICIENTNETS.items():
        shape = tuple(state[name].shape) if name in state else ()
        if len(shape) == 4 and shape[1] == EFFICIENTNET_CHANNELS:
            return prefixes
    raise ValueError(
        f"{place}: none of {', '.join(EFFICIENTNETS)} is a 1x1 convolution of {EFFICIENTNET_CHANNELS} channels"
    )


def renamed(state: dict[str, torch.Tensor], prefixes: dict[str, str], place: str) -> dict[str, torch.Tensor]:
    """The tensors under our names. Raises ValueError for the first that stands under no prefix."""
    names = {}
    for name, tensor in state.items():
        prefix = next((prefix for prefix in prefixes if name.startswith(f"{prefix}.")), None)
        if prefix is None:
            raise ValueError(f"{place}: {name!r} is no tensor of the network; accepted: {', '.join(prefixes)}")
        names[prefixes[prefix] + name.removeprefix(prefix)] = tensor
    return names
