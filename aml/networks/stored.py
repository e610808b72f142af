"""Networks and their tensors on disk: safetensors files with a checksum, and a model's folder.

A model's folder holds `model.safetensors`, all tensors of the network, and `model.json`, its constructor's arguments,
the normalisation of its images and the record of its training. A file of tensors has one entry of metadata, `about`:
JSON with their sha256.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from aml.files.atomic import damaged, read_json, replacing, write_json
from aml.files.digests import file_sha256
from aml.networks.network import RetrievalNetwork

IMAGENET = "imagenet.safetensors"  # in a network's folder of starting weights
TENSORS, DESCRIPTION = "model.safetensors", "model.json"


def start_from(network: RetrievalNetwork, weights: Path, *, generator: torch.Generator) -> None:
    """Load the backbone's ImageNet weights; draw the projection and the whitening's weight, if any, from `generator`
    (Kaiming uniform); the whitening's bias is 0.

    Raises ValueError if the file's tensors do not fit the backbone.
    """
    state = load_tensors(weights)
    kept = {name: tensor for name, tensor in state.items() if int(name.split(".")[0]) < len(network.backbone)}
    fill(network.backbone, kept, weights)
    for layer in (network.projection, network.whitening):
        if layer is not None:
            bound = layer.weight.shape[1] ** -0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    if network.whitening is not None:
        nn.init.zeros_(network.whitening.bias)


def save_network(folder: Path, network: RetrievalNetwork, *, normalisation: dict, record: dict) -> None:
    """Write a model's folder; `record` is that of its training."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / TENSORS, network.state_dict())
    description = {
        "arguments": network.arguments,
        "dimension": network.dimension,
        "num_parameters": sum(tensor.numel() for tensor in network.parameters()),
        "normalisation": normalisation,
        "record": record,
    }
    write_json(folder / DESCRIPTION, description)


def load_network(folder: Path) -> tuple[RetrievalNetwork, dict]:
    """Return the network, in evaluation mode, and what `model.json` says of it.

    Raises ValueError if the two files are damaged, or disagree with each other or with the code.
    """
    folder = Path(folder)
    description = read_json(folder / DESCRIPTION, "arguments", "normalisation")
    network = RetrievalNetwork(**description["arguments"])
    fill(network, load_tensors(folder / TENSORS), folder / TENSORS)
    return network.eval(), description


def identity(folder: Path, description: dict) -> dict:
    """Return which network a model's folder holds, for the provenance of its descriptors: the sha256 of its tensors
    and parts of its `description`."""
    return {
        "sha256": file_sha256(Path(folder) / TENSORS),
        "backbone": description["arguments"]["backbone"],
        "dimension": description["dimension"],
        "num_parameters": description["num_parameters"],
        "normalisation": description["normalisation"],
    }


def fill(module: nn.Module, state: dict, source: Path | str) -> None:
    """Give `module` the tensors of `state`. BatchNorm's counters of steps, which nothing reads, may be missing.

    Raises ValueError naming `source` for another tensor that is missing, left over, of another shape or not finite.
    """
    own = module.state_dict()
    state = {name: counter for name, counter in own.items() if name.endswith(".num_batches_tracked")} | state
    expected, found = ({name: tuple(tensor.shape) for name, tensor in tensors.items()} for tensors in (own, state))
    if wrong := sorted(name for name in expected | found if expected.get(name) != found.get(name)):
        name = wrong[0]
        raise ValueError(
            f"{source}: {len(wrong)} tensors do not fit the network; first {name}: "
            f"expected {expected.get(name, 'none')}, found {found.get(name, 'none')}"
        )
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{source}: {name} holds non-finite values")
    module.load_state_dict(state)


def save_tensors(path: Path, state: dict[str, torch.Tensor]) -> None:
    """Write tensors by name."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(state, metadata={"about": json.dumps({"sha256": tensors_sha256(state)})}))


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors, on the CPU. Raises ValueError naming a file that is not what `save_tensors` wrote."""
    try:
        with safe_open(path, "pt") as file:
            noted = json.loads((file.metadata() or {})["about"])["sha256"]
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it cannot be iterated
    except (SafetensorError, ValueError, LookupError, TypeError) as error:
        raise damaged(path, f"it has no tensors with their sha256 ({error!r})") from None
    if noted != tensors_sha256(state):
        raise damaged(path, f"its tensors have another sha256 than the {str(noted)[:12]} that was noted")
    return state


def tensors_sha256(state: dict[str, torch.Tensor]) -> str:
    """Return the sha256 (hex) of tensors with their names, dtypes and shapes."""
    digest = hashlib.sha256(b"{}")  # once a description of the tensors; a digest that changes would rename every model
    for name in sorted(state):
        tensor = state[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
