"""Convert a published file to a network of this project and the whitening that its authors learned for it (METHOD,
Sec. 5)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from aml.files.digests import file_sha256
from aml.files.whitening import Whitening
from aml.networks import backbones
from aml.networks.network import RetrievalNetwork
from aml.networks.stored import fill
from aml.pretrained.files import read_tensors
from aml.pretrained.layouts import layout, renamed

WHITENING_SET = "retrieval-SfM-120k"  # what the teachers' whitening was learned on
MULTI_SCALE = "ms"
REFUSED = ("local_whitening", "regional")  # variants with layers that no network here has


@dataclass(frozen=True)
class Published:
    network: RetrievalNetwork
    normalisation: dict  # mean and std, by channel
    whitening: Whitening
    record: dict  # where it all came from


def convert(checkpoint: Path, whitening: Path | None, *, backbone: str) -> Published:
    """Read the network in `checkpoint` and its whitening.

    The whitening is in the file `whitening` (students) or, if that is None, in the checkpoint itself (teachers). A
    network with a whitening layer needs no other whitening and gets the identity.

    Raises ValueError for a network with other layers, and for parts that are missing, left over or of another type or
    shape.
    """
    content, learned = read_tensors(checkpoint), whitening and read_tensors(whitening)
    try:
        meta = content["meta"]
        if meta["pooling"] != "gem" or any(meta.get(name) not in (None, False) for name in REFUSED):
            raise ValueError(f"pooling is {meta['pooling']!r}; accepted: gem, none of {', '.join(REFUSED)}")
        network = _network(backbone, content["state_dict"], bool(meta.get("whitening")))
        if network.whitening is not None:
            learned = learned or {"m": np.zeros(network.dimension), "P": np.eye(network.dimension)}
        learned = learned or meta["Lw"][WHITENING_SET][MULTI_SCALE]
        mean, projection = (np.array(learned[name], np.float64, order="C") for name in "mP")
        mean, dimension = mean.squeeze(), network.dimension
        if mean.shape != (dimension,) or projection.shape != (dimension, dimension):
            raise ValueError(
                f"the whitening has m {mean.shape} and P {projection.shape}; expected ({dimension},) and square"
            )
        if not (np.isfinite(mean).all() and np.isfinite(projection).all()):
            raise ValueError("the whitening holds non-finite values")
        normalisation = {name: [float(value) for value in meta[name]] for name in ("mean", "std")}
        if not all(len(values) == 3 for values in normalisation.values()):
            raise ValueError(f"mean and std are {normalisation}; three numbers each are expected")
        architecture = meta.get("architecture") and str(meta["architecture"])
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
        what = f"{type(error).__name__}: {error}"[:300]
        raise ValueError(f"{checkpoint} is not a published {backbone} with its whitening: {what}") from error
    record = {"checkpoint": _provenance(checkpoint), "architecture": architecture}
    learned_on = "a layer of the network" if network.whitening is not None else f"{WHITENING_SET}, {MULTI_SCALE}"
    record["whitening"] = _provenance(whitening) if whitening else learned_on
    return Published(network, normalisation, Whitening(mean, projection), record)


def _network(backbone: str, state: dict[str, torch.Tensor], whitening: bool) -> RetrievalNetwork:
    ours = renamed(state, layout(backbone, state))
    projection = ours.get("projection.weight")
    network = RetrievalNetwork(
        backbone=backbone,
        stages=len(backbones.channels(backbone)),
        frozen_stages=0,
        projection=None if projection is None else projection.shape[0],
        gem_p=ours["pool.p"].item(),
        whitening=whitening,
    )
    fill(network, ours, "state_dict")
    return network.eval()


def _provenance(file: Path) -> dict:
    return {"file": file.name, "sha256": file_sha256(file)}
