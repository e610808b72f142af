"""One network's descriptors of every list that testing needs, multi-scale.

Reads: <model>, <processed> (all sets). Writes: <descriptors>, a descriptor folder with, for each test set,
`<set>.queries` (cropped to their boxes) and `<set>.database`; `<training set>.whitening`, the images of the whitening
pairs, each once, by rising row; `<distractors>.database`, in the type that params.yaml names.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from aml.storage.descriptors import write_descriptors, write_provenance
from aml.storage.files import replacing_folder
from aml.storage.imagesets import read_images, read_lists, read_queries
from aml.storage.parameters import of_type, section, typed
from aml.vision.extraction import extract_descriptors
from aml.vision.images import ImageTensors
from aml.vision.networks import identity, load_network
from aml.vision.settings import ExtractionSettings
from stages.runtime import parameters, run, runtime


def main(model: Path, processed: Path, descriptors: Path, values: dict) -> None:
    settings, where = typed(ExtractionSettings, section(values, "extract"), "extract"), runtime(values)
    network, description = load_network(model)
    network.to(where.torch_device(), memory_format=torch.channels_last)
    arrays = {}
    with replacing_folder(descriptors) as folder:
        for name, images, dtype in image_lists(processed, values, settings.distractor_dtype):
            tensors = ImageTensors(images, image_size=settings.image_size, normalisation=description["normalisation"])
            rows = extract_descriptors(
                network,
                tensors,
                scales=settings.scales,
                batch_size=settings.batch_size,
                num_workers=where.num_workers,
                name=name,
            )
            arrays[name] = write_descriptors(folder, name, rows, digest=images.digest(), dtype=dtype)
        extraction = {"image_size": settings.image_size, "scales": settings.scales, "query_crop": True}
        write_provenance(folder, network=identity(model, description), extraction=extraction, arrays=arrays)


def image_lists(processed: Path, values: dict, distractor_dtype: str):
    """(name of the array, image set, dtype on disk) of every list, in the order of params.yaml."""
    for test_set in of_type(list[str], section(values, "grid.test_sets"), "grid.test_sets"):
        yield f"{test_set}.queries", read_queries(processed / test_set), "float32"
        yield f"{test_set}.database", read_images(processed / test_set), "float32"
    train_set = of_type(str, section(values, "grid.train_set"), "grid.train_set")
    lists = read_lists(processed / train_set)
    rows = np.union1d(lists["whitening_queries"], lists["whitening_positives"])
    yield f"{train_set}.whitening", read_images(processed / train_set).subset(rows), "float32"
    distractors = of_type(str | None, section(values, "grid.distractors"), "grid.distractors")
    if distractors is not None:
        yield f"{distractors}.database", read_images(processed / distractors), distractor_dtype


if __name__ == "__main__":
    run(main, *map(Path, sys.argv[1:4]), parameters())
