"""One network's descriptors of every list that testing needs, multi-scale.

Reads: <model>, <processed> (the sets of testing). Writes: <descriptors>, a descriptor folder with, for each test set,
`<set>.queries` (cropped to their boxes) and `<set>.database`; `<training set>.whitening`, the images of the whitening
pairs, each once, by rising row; `<distractors>.database`, in the type that params.yaml names. A network that owns its
whitening hands it on as whitening.npz, and the whitening images are left out.
"""

import sys
from pathlib import Path

import torch

from aml.storage.descriptors import write_descriptors, write_provenance
from aml.storage.files import replacing_folder
from aml.storage.parameters import section, typed
from aml.storage.testing import testing_lists, testing_sets
from aml.storage.whitening import read_whitening, write_whitening
from aml.vision.extraction import extract_descriptors
from aml.vision.images import ImageTensors
from aml.vision.networks import folded, identity, load_network
from aml.vision.settings import ExtractionSettings
from stages.runtime import parameters, run, runtime


def main(model: Path, processed: Path, descriptors: Path, values: dict) -> None:
    settings, where = typed(ExtractionSettings, section(values, "extract"), "extract"), runtime(values)
    network, description = load_network(model)
    network = folded(network).to(where.torch_device(), memory_format=torch.channels_last)
    sets, arrays, whitening = testing_sets(values), {}, read_whitening(model)
    if whitening is not None:
        sets["train_set"] = None
    lists, _ = testing_lists(processed, **sets)
    with replacing_folder(descriptors) as folder:
        for name, images in lists.items():
            tensors = ImageTensors(images, image_size=settings.image_size, normalisation=description["normalisation"])
            rows = extract_descriptors(
                network,
                tensors,
                scales=settings.scales,
                batch_size=settings.batch_size,
                num_workers=where.num_workers,
                name=name,
            )
            dtype = settings.distractor_dtype if name == f"{sets['distractors']}.database" else "float32"
            arrays[name] = write_descriptors(folder, name, rows, digest=images.digest(), dtype=dtype)
        if whitening is not None:
            write_whitening(folder, *whitening)
        extraction = {"image_size": settings.image_size, "scales": settings.scales, "query_crop": True}
        write_provenance(folder, network=identity(model, description), extraction=extraction, arrays=arrays)


if __name__ == "__main__":
    run(main, *map(Path, sys.argv[1:4]), parameters())
