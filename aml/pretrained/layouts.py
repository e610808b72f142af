"""Map the names of tensors in files of others to this project's.

A layout maps prefixes of dotted names, or whole names; the rest of a name stays. Nothing here imports torch.
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
BACKBONES = (*LAYOUTS, "efficientnet_b3")


def layout(backbone: str, state: dict) -> dict[str, str]:
    """Return the layout of `backbone` in a published file. Raises ValueError for a backbone without one."""
    if backbone in LAYOUTS:
        return LAYOUTS[backbone]
    if backbone not in BACKBONES:
        raise ValueError(f"no published network has backbone {backbone!r}; known: {', '.join(BACKBONES)}")
    # timm's children in a Sequential: before timm 0.6, both activations of EfficientNet were children of their own
    blocks, projection = (3, 7) if "features.7.weight" in state else (2, 5)
    return {
        "features.0": "backbone.0",
        "features.1": "backbone.1",
        **{f"features.{blocks}.{i}": f"backbone.{2 + i}" for i in range(7)},
        f"features.{blocks + 1}": "backbone.9",
        f"features.{blocks + 2}": "backbone.10",
        f"features.{projection}": "projection",
        **POOL,
    }


def renamed(state: dict[str, torch.Tensor], prefixes: dict[str, str]) -> dict[str, torch.Tensor]:
    """Return the tensors with the first prefix that fits each name replaced ("" drops it); other names stay."""
    names = {}
    for name, tensor in state.items():
        prefix = next((prefix for prefix in prefixes if f"{name}.".startswith(f"{prefix}.")), "")
        names[f"{prefixes.get(prefix, '')}{name.removeprefix(prefix)}".removeprefix(".")] = tensor
    return names
