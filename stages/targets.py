"""One teacher's descriptors of the training images: unit-norm, single scale, not whitened.

Reads: <model>, <processed> (training set). Writes: <targets>, a descriptor folder with the array `images`.
"""

import sys
from pathlib import Path

import torch

from aml.storage.descriptors import write_descriptors, write_provenance
from aml.storage.files import replacing_folder
from aml.storage.imagesets import read_images
from aml.storage.parameters import section, typed
from aml.vision.extraction import extract_descriptors
from aml.vision.images import ImageTensors
from aml.vision.networks import folded, identity, load_network
from aml.vision.settings import TargetSettings
from stages.runtime import parameters, run, runtime


def main(model: Path, processed: Path, targets: Path, values: dict) -> None:
    settings, where = typed(TargetSettings, section(values, "targets"), "targets"), runtime(values)
    network, description = load_network(model)
    network = folded(network).to(where.torch_device(), memory_format=torch.channels_last)
    images = read_images(processed)
    tensors = ImageTensors(images, image_size=settings.image_size, normalisation=description["normalisation"])
    descriptors = extract_descriptors(
        network, tensors, scales=[1], batch_size=settings.batch_size, num_workers=where.num_workers, name="targets"
    )
    with replacing_folder(targets) as folder:
        line = write_descriptors(folder, "images", descriptors, digest=images.digest(), dtype="float32")
        extraction = {"image_size": settings.image_size, "scales": [1.0]}
        write_provenance(folder, network=identity(model, description), extraction=extraction, arrays={"images": line})


if __name__ == "__main__":
    run(main, *map(Path, sys.argv[1:4]), parameters())
