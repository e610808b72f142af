"""Files of tensors: safetensors with one entry of metadata, `about`, JSON: a description, and the seal of both."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from aml.files.atomic import replacing
from aml.files.reading import damaged

IMAGENET = "imagenet.safetensors"  # in a network's folder of starting weights
SEAL = "sha256"  # in the description: the digest of tensors and description
ABOUT = "about"  # a single entry: the library writes several in an order that changes from run to run


def save_tensors(path: Path, state: dict[str, torch.Tensor], description: dict) -> None:
    """Write tensors by name, and what `description` (may go into JSON) says of them."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    about = {**description, SEAL: tensors_sha256(state, description)}
    with replacing(path) as temporary:
        temporary.write_bytes(save(state, metadata={ABOUT: json.dumps(about)}))


def load_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """The tensors, on the CPU, and the description. Raises ValueError naming the file where they are not what
    `save_tensors` wrote."""
    try:
        with safe_open(path, "pt") as file:
            description = json.loads((file.metadata() or {})[ABOUT])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
        seal = description.pop(SEAL)
    except (SafetensorError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise damaged(path, f"it is no sealed file of tensors ({error!r})") from None
    if seal != tensors_sha256(state, description):
        raise damaged(path, f"its tensors have another sha256 than the {str(seal)[:12]} that was noted")
    return state, description


def tensors_sha256(state: dict[str, torch.Tensor], description: dict) -> str:
    digest = hashlib.sha256(json.dumps(description).encode())
    for name in sorted(state):
        tensor = state[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
