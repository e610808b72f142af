"""The teacher's descriptors of the training images: as it describes each at its full size, one by one."""

import numpy as np
import pytest
import torch

from aml.files.descriptors import DescriptorFolder
from aml.files.image_sets import read_images
from aml.images import ImageTensors
from aml.networks.network import RetrievalNetwork
from aml.networks.stored import save_network
from stages import targets
from tests.stages.packed_sets import NUM_TRAIN, RUNTIME, write_sets

NORMALISATION = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4]}
VALUES = {"targets": {"image_size": 32, "batch_size": 4, "precision": "float32"}, "runtime": RUNTIME}


def test_targets_are_single_scale_and_not_whitened(tmp_path):
    processed = write_sets(tmp_path / "sets") / "train"
    torch.manual_seed(0)
    network = RetrievalNetwork(backbone="lite0", stages=3, frozen_stages=0, projection=None, gem_p=3.0).eval()
    save_network(tmp_path / "model", network, normalisation=NORMALISATION, record={})
    targets.main(tmp_path / "model", processed, tmp_path / "targets", VALUES)
    tensors = ImageTensors(read_images(processed), image_size=32, normalisation=NORMALISATION)
    with torch.no_grad():
        images = (tensors.normalised(tensors[row][None], torch.device("cpu")) for row in range(NUM_TRAIN))
        expected = torch.cat([network(image) for image in images])  # (40, D)
    found = DescriptorFolder(tmp_path / "targets")["images"]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=2e-3)
