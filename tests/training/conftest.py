"""Images for training on noise."""

import pytest

from aml.files.image_sets import read_images
from aml.images import ImageTensors
from tests.stages.packed_sets import write_sets

NORMALISATION = {"mean": [0.5] * 3, "std": [0.5] * 3}


@pytest.fixture(scope="session")
def tensors(tmp_path_factory):
    images = read_images(write_sets(tmp_path_factory.mktemp("sets")) / "train")
    return ImageTensors(images, image_size=32, normalisation=NORMALISATION)
