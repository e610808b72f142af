"""A published file as a network of ours, with the whitening that its authors learned for it (METHOD, Sec. 5)."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from aml.published.checkpoints import matrix, read_checkpoint
from aml.published.layouts import layout, renamed
from aml.vision.backbones import backbone_stages
from aml.vision.networks import RetrievalNetwork, fill

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
    """The network in `checkpoint`; its whitening stands in the file `whitening` (students) or in the checkpoint
    itself (teachers, None).

    Raises ValueError for a variant of another kind, and for tensors that are missing, left over or of another shape.
    """
    content, place = read_checkpoint(checkpoint), str(checkpoint)
    meta, state = (_mapping(content, name, place) for name in ("meta", "state_dict"))
    if meta.get("pooling") != "gem" or any(meta.get(name) for name in REFUSED):
        raise ValueError(f"{place}: pooling is {meta.get('pooling')!r}; accepted: gem, none of {', '.join(REFUSED)}")
    others = [name for name, tensor in state.items() if not isinstance(tensor, torch.Tensor)]
    if others:
        raise ValueError(f"{place}: {others[0]!r} is no tensor")
    ours = renamed(state, layout(backbone, state, place), place)
    network = _network(backbone, ours, place)
    mean, projection = _whitening(meta, whitening, network.dimension, place)
    record = {"checkpoint": _provenance(checkpoint), "architecture": meta.get("architecture")}
    record["whitening"] = _provenance(whitening) if whitening else f"{WHITENING_SET}, {MULTI_SCALE}"
    normalisation = {name: [float(x) for x in _sequence(meta, name, place)] for name in ("mean", "std")}
    return Published(network, normalisation, mean, projection, record)


def _network(backbone: str, state: dict[str, torch.Tensor], place: str) -> RetrievalNetwork:
    power, one_by_one = state.get("pool.p"), state.get("projection.weight")
    if power is None or power.numel() != 1:
        raise ValueError(f"{place}: pool.p is {power}; one number is expected")
    network = RetrievalNetwork(
        backbone=backbone,
        stages=len(backbone_stages(backbone)[0]),
        frozen_stages=0,
        projection=None if one_by_one is None else one_by_one.shape[0],
        gem_p=power.item(),
    )
    # counts the steps of training, which nothing reads; files of older torch have none
    counters = {k: v for k, v in network.state_dict().items() if k.endswith(".num_batches_tracked")}
    fill(network, counters | state, place)
    return network.eval()


def _whitening(meta: dict, whitening: Path | None, dimension: int, place: str) -> tuple[np.ndarray, np.ndarray]:
    if whitening is not None:
        found, place = read_checkpoint(whitening), str(whitening)
    else:
        found = meta
        for name in ("Lw", WHITENING_SET, MULTI_SCALE):
            found = _mapping(found, name, f"{place}: meta")
    mean, projection = matrix(found, "m", place).squeeze(), matrix(found, "P", place)
    if mean.shape != (dimension,) or projection.shape != (dimension, dimension):
        raise ValueError(
            f"{place}: the whitening has m {mean.shape} and P {projection.shape}; expected ({dimension},) and square"
        )
    return mean, projection


def _provenance(file: Path) -> dict:
    return {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}


def _mapping(content: dict, name: str, place: str) -> dict:
    if not isinstance(content.get(name), dict):
        raise ValueError(f"{place} has no {name!r}; found: {', '.join(map(str, content))}")
    return content[name]


def _sequence(meta: dict, name: str, place: str) -> list:
    values = meta.get(name)
    values = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError(f"{place}: {name} is {values!r}; three numbers are expected")
    return values
