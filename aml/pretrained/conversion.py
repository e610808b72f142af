"""Convert a published file to a network of ours and the whitening that its authors learned for it (METHOD, Sec. 5)."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from aml.networks.backbones import backbone_blocks
from aml.networks.network import RetrievalNetwork
from aml.networks.stored import fill
from aml.pretrained.checkpoints import is_plain_tensor, matrix, read_checkpoint
from aml.pretrained.layouts import layout, renamed

WHITENING_SET = "retrieval-SfM-120k"  # what the teachers' whitening was learned on
MULTI_SCALE = "ms"
REFUSED = ("local_whitening", "regional", "whitening")  # variants with layers that no network of the paper has


@dataclass(frozen=True)
class Published:
    network: RetrievalNetwork
    normalisation: dict  # mean and std, by channel
    mean: np.ndarray  # m of the whitening, (D,) float64
    projection: np.ndarray  # P of the whitening, (D, D) float64
    record: dict  # where it all came from


def convert(checkpoint: Path, whitening: Path | None, *, backbone: str) -> Published:
    """Read the network in `checkpoint`, and its whitening in the file `whitening` (students) or, for None, in the
    checkpoint itself (teachers).

    Raises ValueError for a network with other layers, and for tensors that are missing, left over or of another shape.
    """
    content, where = read_checkpoint(checkpoint), str(checkpoint)
    meta, state = (_mapping(content, name, where) for name in ("meta", "state_dict"))
    pooling, has_no_others = meta.get("pooling"), all(meta.get(name) is None or meta[name] is False for name in REFUSED)
    if not isinstance(pooling, str) or pooling != "gem" or not has_no_others:
        raise ValueError(f"{where}: pooling is {_short(pooling)}; accepted: gem, none of {', '.join(REFUSED)}")
    for name, tensor in state.items():
        if not isinstance(name, str) or not is_plain_tensor(tensor):
            raise ValueError(
                f"{where}: in state_dict, {str(name)[:100]!r} is {_short(tensor)}; a tensor in memory is expected"
            )
    architecture = meta.get("architecture")
    if not isinstance(architecture, str | None):
        raise ValueError(f"{where}: architecture is a {type(architecture).__name__}; accepted: a name, or none")
    ours = renamed(state, layout(backbone, state, where), where)
    network = _network(backbone, ours, where)
    mean, projection = _whitening(meta, whitening, network.dimension, where)
    record = {"checkpoint": _provenance(checkpoint), "architecture": architecture}
    record["whitening"] = _provenance(whitening) if whitening else f"{WHITENING_SET}, {MULTI_SCALE}"
    normalisation = {name: _three_numbers(meta, name, where) for name in ("mean", "std")}
    return Published(network, normalisation, mean, projection, record)


def _network(backbone: str, state: dict[str, torch.Tensor], where: str) -> RetrievalNetwork:
    power, one_by_one = state.get("pool.p"), state.get("projection.weight")
    if power is None or power.numel() != 1:
        raise ValueError(f"{where}: pool.p is {_short(power)}; one number is expected")
    modules, channels = backbone_blocks(backbone)
    if one_by_one is not None and one_by_one.shape[1:] != (
        channels[-1],
        1,
        1,
    ):  # before a layer is made
        raise ValueError(
            f"{where}: projection.weight is {tuple(one_by_one.shape)}; expected (dimension, {channels[-1]}, 1, 1)"
        )
    network = RetrievalNetwork(
        backbone=backbone,
        stages=len(modules),
        frozen_stages=0,
        projection=None if one_by_one is None else one_by_one.shape[0],
        gem_p=power.item(),
    )
    # counters of training steps, which nothing reads, are missing in files of older torch
    counters = {k: v for k, v in network.state_dict().items() if k.endswith(".num_batches_tracked")}
    fill(network, counters | state, where)
    return network.eval()


def _whitening(meta: dict, whitening: Path | None, dimension: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    if whitening is not None:
        found, where = read_checkpoint(whitening), str(whitening)
    else:
        found = meta
        for name in ("Lw", WHITENING_SET, MULTI_SCALE):
            found = _mapping(found, name, f"{where}: meta")
    mean, projection = matrix(found, "m", where).squeeze(), matrix(found, "P", where)
    if mean.shape != (dimension,) or projection.shape != (dimension, dimension):
        raise ValueError(
            f"{where}: the whitening has m {mean.shape} and P {projection.shape}; expected ({dimension},) and square"
        )
    return mean, projection


def _provenance(file: Path) -> dict:
    return {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}


def _mapping(content: dict, name: str, where: str) -> dict:
    if not isinstance(content.get(name), dict):
        raise ValueError(f"{where} has no {name!r}; found: {', '.join(str(key)[:40] for key in list(content)[:20])}")
    return content[name]


def _three_numbers(meta: dict, name: str, where: str) -> list[float]:
    values = meta.get(name)
    values = values.tolist() if isinstance(values, np.ndarray) else values
    is_list = isinstance(values, list | tuple) and len(values) == 3
    if not is_list or not all(type(x) in (int, float) and abs(x) < 1e6 for x in values):  # nan is not below
        raise ValueError(f"{where}: {name} is {_short(values)}; three numbers are expected")
    return [float(x) for x in values]


def _short(value) -> str:
    """A scalar as text; the type of anything else, which may be as large as the file."""
    return repr(value)[:40] if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
