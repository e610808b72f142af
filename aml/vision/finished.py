"""A network that is taken over as it is instead of trained: one file that stands where starting weights stand."""

from pathlib import Path

import numpy as np
import torch

from aml.storage.whitening import write_whitening
from aml.vision.networks import RetrievalNetwork, fill, save_network
from aml.vision.tensors import load_tensors, save_tensors

NETWORK, MEAN, PROJECTION = "network.", "whitening.m", "whitening.P"


def write_finished(
    path: Path,
    network: RetrievalNetwork,
    *,
    normalisation: dict,
    mean: np.ndarray,
    projection: np.ndarray,
    record: dict,
) -> None:
    """The network and its whitening, m `(D,)` and P `(D, D)`, as tensors; the rest as their description."""
    state = {f"{NETWORK}{name}": tensor for name, tensor in network.state_dict().items()}
    state |= {MEAN: torch.from_numpy(mean), PROJECTION: torch.from_numpy(projection)}
    description = {"arguments": network.arguments, "normalisation": normalisation, "record": record}
    save_tensors(path, state, description)


def take_over(path: Path, folder: Path, *, backbone: str, stages: int) -> None:
    """Bring the network of such a file to the model folder `folder`, with the whitening that it owns.

    Raises ValueError for a file of another kind, backbone or number of stages.
    """
    state, description = load_tensors(path)
    if "arguments" not in description:
        raise ValueError(f"{path} is no finished network: make it again, or set the network's source to train")
    arguments = description["arguments"]
    if (arguments["backbone"], arguments["stages"]) != (backbone, stages):
        raise ValueError(
            f"{path} has all {arguments['stages']} stages of {arguments['backbone']}; params.yaml asks for {stages} of "
            f"{backbone}, but what is published is taken over whole"
        )
    network = RetrievalNetwork(**arguments)
    fill(network, {k.removeprefix(NETWORK): v for k, v in state.items() if k.startswith(NETWORK)}, path)
    save_network(folder, network, normalisation=description["normalisation"], record=description["record"])
    write_whitening(folder, state[MEAN].numpy(), state[PROJECTION].numpy())
