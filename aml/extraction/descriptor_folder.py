"""A descriptor folder from a model's folder and image lists, made by one process or several.

Descriptors go to disk in shards. A shard is a run of batches; its file `<list>.<number>.npy` in the folder of
unfinished work holds their descriptors, one after the other. A run that follows an interrupted one computes the missing
shards only. Several processes share the shards; each has RANK and WORLD_SIZE in its environment, from
`runtime.processes` or from torchrun.
"""

import io
import itertools
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL
import simplejpeg
import torch

from aml.compute.device import Runtime
from aml.compute.feature_cache import FEATURE_CACHE, cache_frozen_features
from aml.compute.unfinished import code_digest, partial_folder, remove_partial
from aml.extraction.describe import describe_batches, num_side_by_side
from aml.files.atomic import replacing, replacing_folder, require_room, reserve
from aml.files.descriptors import write_descriptors, write_provenance
from aml.files.digests import file_sha256
from aml.files.image_sets import ImageSet
from aml.files.whitening import whitening_digest, write_whitening
from aml.images import ImageTensors, batches_of_one_size
from aml.networks.inference import folded, prepare, use_winograd
from aml.networks.stored import identity, load_network

if TYPE_CHECKING:  # the stage `targets` does without
    from aml.extraction.database_whitening import DatabaseWhitening

NUM_ROWS = 1024  # images of a shard, up to a batch more: an interruption loses no more
PATIENCE = timedelta(days=7)  # for the slowest process; whoever started them ends them all when one fails


def describe_lists(
    model: Path,
    descriptors: Path,
    lists: dict[str, ImageSet],
    extraction: dict,
    *,
    dtypes: dict[str, str],
    batch_size: int,
    where: Runtime,
    whitening: "DatabaseWhitening | None" = None,
) -> None:
    """Write the descriptor folder `descriptors`: an array for each of `lists`, described in this order.

    `extraction` has `image_size` (longer side, pixels), `scales` and `precision`, and is copied to the provenance.
    `whitening` whitens some lists and is written into the folder. The list from which it is learned comes before those
    and is not written. Raises OSError, before anything is described, if the disk has no room for shards and arrays.
    """
    device = where.torch_device()
    network, description = load_network(model)
    network = prepare(folded(network), device, extraction["precision"])
    if device.type == "cpu" and extraction["precision"] == "float32" and not where.compile:
        use_winograd(network)
    if count() == 1:  # several would compute the same features at once
        cache_frozen_features(network, FEATURE_CACHE)
    if where.compile:
        network.compile(dynamic=True)  # once for all shapes
    who = identity(model, description) | {"whitening": whitening_digest(model)}
    depends = {
        "code": code_digest(),
        "libraries": {library.__name__: library.__version__ for library in (torch, PIL, simplejpeg, np)},
        "device": device.type,
        "model": [file_sha256(model / "model.json"), who],
        "settings": [extraction, dtypes, batch_size, whitening and whitening.settings()],
        "lists": {name: images.pack_digest() for name, images in lists.items()},
    }
    # what torch compiles is called by one thread alone
    num_threads = 1 if where.compile else num_side_by_side(device, where.num_workers // count(), where.num_threads)
    unfinished, shards = partial_folder(descriptors, depends), {}
    of_arrays = sum(len(lists[name]) * network.dimension * np.dtype(dtypes[name]).itemsize for name in lists)
    require_room(unfinished, 2 * of_arrays - sum(shard.stat().st_size for shard in unfinished.glob("*.npy")))
    for name, images in lists.items():
        batches = batches_of_one_size(images, range(len(images)), batch_size)
        shards[name] = Shards(unfinished, name, batches, dtype=dtypes[name])
        tensors = ImageTensors(images, image_size=extraction["image_size"], normalisation=description["normalisation"])
        describe = partial(
            describe_batches,
            network,
            tensors,
            scales=extraction["scales"],
            num_workers=where.num_workers,
            num_threads=num_threads,
            name=name,
            quiet=rank() > 0,
        )
        _compute(shards[name], images, describe, whitening and whitening.of(name, unfinished, shards, device))
    wait_for_all()
    if rank() > 0:
        return
    with replacing_folder(descriptors) as folder:
        arrays = {}
        for name, images in lists.items():
            if whitening is None or name != whitening.learned_on:
                arrays[name] = write_descriptors(
                    folder,
                    name,
                    shards[name],
                    shape=(len(images), network.dimension),
                    digest=images.digest,
                    dtype=dtypes[name],
                    whitened=whitening is not None and name in whitening.lists,
                )
        if whitening is not None:
            write_whitening(folder, whitening.found)
        digest = whitening_digest(folder)
        write_provenance(folder, network=who, extraction=extraction, whitening=digest, arrays=arrays)
    remove_partial(descriptors)


def _compute(
    shards: "Shards",
    images: ImageSet,
    describe: Callable[[list[list[int]]], Iterator[torch.Tensor]],
    whiten: Callable[[torch.Tensor], torch.Tensor] | None,
) -> None:
    """Compute and write those missing shards that are this process's share: what `describe` yields for batches of
    rows, whitened if there is a `whiten`.

    Raises ValueError naming the image whose descriptor is not finite.
    """
    missing = shards.missing(rank(), count())
    described = describe([batch for number in missing for batch in shards.batches[number]])
    for number in missing:
        # They stay on the device until the shard is full: each way back waits for all that the device has to do.
        descriptors = torch.cat(list(itertools.islice(described, len(shards.batches[number]))))
        descriptors = (whiten(descriptors) if whiten else descriptors).cpu().numpy()
        bad = np.flatnonzero(~np.isfinite(descriptors).all(axis=1))
        if len(bad):
            image = images.names[shards.rows(number)[bad[0]]]
            raise ValueError(f"{shards.name}: image {image!r} has a non-finite descriptor")
        shards.write(number, descriptors)


class Shards:
    """All shards of a list whose rows are in `batches`; iterating yields (rows, descriptors) of each, from its file.

    The bits of a descriptor depend on how rows are batched; those of a whitened one also on where batches are cut into
    shards.
    """

    def __init__(self, folder: Path, name: str, batches: list[list[int]], *, dtype: str):
        self.folder, self.name, self.dtype = Path(folder), name, dtype
        begins = itertools.accumulate(map(len, batches), initial=0)
        runs = itertools.groupby(zip(begins, batches, strict=False), key=lambda pair: pair[0] // NUM_ROWS)
        self.batches = [[batch for _, batch in run] for _, run in runs]

    def __iter__(self) -> Iterator[tuple[list[int], np.ndarray]]:
        for number in range(len(self.batches)):
            yield self.rows(number), np.load(self._path(number), allow_pickle=False)

    def array(self) -> np.ndarray:
        """Return all descriptors (N, D) in the order of the list."""
        rows, descriptors = zip(*self, strict=True)
        return np.concatenate(descriptors)[np.argsort(np.concatenate(rows))]

    def rows(self, number: int) -> list[int]:
        """Return the rows of a shard in the order of its descriptors."""
        return [row for batch in self.batches[number] for row in batch]

    def missing(self, process: int, num_processes: int) -> list[int]:
        """Return the numbers of the shards that `process` of `num_processes` has yet to compute.

        Process r computes shards r, r + n, r + 2n, ...: batches are ordered by image size, so consecutive shards would
        give one process all the large images.
        """
        own = range(process, len(self.batches), num_processes)
        return [number for number in own if not self._path(number).exists()]

    def write(self, number: int, descriptors: np.ndarray) -> None:
        """Write a shard's descriptors `(N, D)`, in the order of `rows`. Raises OSError if the disk has no room."""
        content = io.BytesIO()  # NumPy itself would say of a full disk how much it wrote, and not what is wrong
        np.save(content, descriptors.astype(self.dtype))
        with replacing(self._path(number)) as path, open(path, "wb") as file:
            reserve(file, content.tell())
            file.write(content.getbuffer())

    def _path(self, number: int) -> Path:
        return self.folder / f"{self.name}.{number}.npy"


def rank() -> int:
    """Return the number of this process, from 0; process 0 writes the folder and shows progress."""
    return int(os.environ.get("RANK", 0))


def count() -> int:
    """Return how many processes share the extraction."""
    return int(os.environ.get("WORLD_SIZE", 1))


def wait_for_all() -> None:
    """Return when every process has come here. Raises ValueError if another process has ended before."""
    if count() == 1:
        return
    from torch import distributed

    try:
        if not distributed.is_initialized():
            distributed.init_process_group("gloo", timeout=PATIENCE)
        distributed.barrier()
    except RuntimeError as error:
        raise ValueError(f"process {rank()} of {count()} has lost another, whose own message says why") from error
