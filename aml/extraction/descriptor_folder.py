"""From a model folder and image lists to a descriptor folder, by one process or several, interrupted or not."""

from pathlib import Path

import numpy as np
import PIL
import simplejpeg
import torch

from aml.compute.distributed import rank, wait_for_all
from aml.compute.feature_cache import keep_frozen_features
from aml.compute.unfinished import code_digest, remove_work, work_folder
from aml.extraction.describe import extract_descriptors
from aml.files.atomic import replacing_folder, require_room
from aml.files.descriptors import write_descriptors, write_provenance
from aml.files.digests import file_sha256
from aml.files.image_sets import ImageSet
from aml.files.whitening import read_whitening, whitening_sha256, write_whitening
from aml.images import ImageTensors
from aml.networks.network import folded, load_network, place


def describe_lists(
    model: Path,
    descriptors: Path,
    lists: dict[str, ImageSet],
    extraction: dict,
    *,
    dtypes: dict[str, str],
    batch_size: int,
    device: torch.device,
    num_workers: int,
    kept: Path | None = None,
    compiled: bool = False,
) -> None:
    """Write the descriptor folder `descriptors`: an array for each of `lists`, and the whitening that the model owns.

    `extraction` has `image_size` (longer side, pixels), `scales` and `precision`, and stands in the provenance as it
    is. Descriptors that an interrupted run left as unfinished work are taken as they are, and so are features of frozen
    stages in the folder `kept`. `compiled` asks for torch.compile. Raises OSError, before anything is described, if the
    disk has no room for unfinished work and arrays.
    """
    network, description = load_network(model)
    network = place(folded(network), device, extraction["precision"])
    keep_frozen_features(network, kept)
    if compiled:
        network.compile(dynamic=True)  # once for all shapes
    who, whitening = identity(model, description), read_whitening(model)
    depends = {
        "code": code_digest(),
        "libraries": {library.__name__: library.__version__ for library in (torch, PIL, simplejpeg, np)},
        "device": device.type,
        "model": [file_sha256(model / "model.json"), who],
        "settings": [extraction, dtypes, batch_size],
        "lists": {name: images.pack_digest() for name, images in lists.items()},
    }
    work, shards = work_folder(descriptors, depends), {}
    of_arrays = sum(len(lists[name]) * network.dimension * np.dtype(dtypes[name]).itemsize for name in lists)
    require_room(work, 2 * of_arrays - sum(shard.stat().st_size for shard in work.glob("*.npy")))
    for name, images in lists.items():
        shards[name] = extract_descriptors(
            network,
            ImageTensors(images, image_size=extraction["image_size"], normalisation=description["normalisation"]),
            work,
            scales=extraction["scales"],
            batch_size=batch_size,
            num_workers=num_workers,
            name=name,
            dtype=dtypes[name],
        )
    wait_for_all()
    if rank() > 0:
        return
    with replacing_folder(descriptors) as folder:
        arrays = {}
        for name, images in lists.items():
            shape = len(images), network.dimension
            arrays[name] = write_descriptors(
                folder, name, shards[name], shape=shape, digest=images.digest(), dtype=dtypes[name]
            )
        if whitening is not None:
            write_whitening(folder, *whitening)
        write_provenance(folder, network=who, extraction=extraction, arrays=arrays)
    remove_work(descriptors)


def identity(folder: Path, description: dict) -> dict:
    """Who a stored network is, for the provenance of what it describes; `sha256` is of its weights,
    `whitening` of the whitening that it owns, None for none."""
    return {
        "sha256": file_sha256(Path(folder) / "model.safetensors"),
        "backbone": description["arguments"]["backbone"],
        "dimension": description["dimension"],
        "num_parameters": description["num_parameters"],
        "normalisation": description["normalisation"],
        "whitening": whitening_sha256(folder),
    }
