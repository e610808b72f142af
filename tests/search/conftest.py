"""A student and the descriptor folder of its teacher, tiny; exported and indexed once for all tests."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from aml.extraction.describe import describe_at_scales
from aml.files.digests import file_sha256
from aml.files.whitening import read_whitening
from aml.networks.network import RetrievalNetwork
from aml.networks.stored import load_network, save_network
from stages.export import main as export
from stages.index import main as index
from tests import ROOT
from tests.stages.packed_sets import GRID, D, describe, labels_of, write_sets

KEY = "small-big-reg-0"
NORMALISATION = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.2]}


def parameters() -> dict:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["grid"] = GRID | {"distractors": "crowd"}
    values["datasets"] = {"train": values["datasets"]["synthsfm"]}
    values["export"] = {"calibration_images": 4}
    values["index"] |= {"lists": 3, "probes": 2, "code_bytes": 2}
    return values | {"student": "small", "teacher": "big", "loss": "reg", "seed": 0, "note": "A note."}


def write_model(folder: Path, *, seed: int) -> Path:
    """A network of random weights."""
    torch.manual_seed(seed)
    network = RetrievalNetwork(backbone="lite0", stages=3, frozen_stages=3, projection=D, gem_p=3)
    save_network(folder, network, normalisation=NORMALISATION, record={})
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """Models, descriptors (random, though the teacher has a model), processed, ground_truth; what both stages write."""
    folder = tmp_path_factory.mktemp("search")
    processed = write_sets(folder / "processed")
    sha256 = file_sha256(write_model(folder / "models/big", seed=1) / "model.safetensors")
    describe(folder / "descriptors/big", processed, seed=1, sha256=sha256)
    model = write_model(folder / f"models/{KEY}", seed=0)
    inputs = folder / "descriptors/big", processed, labels_of(processed)
    export(model, *inputs, folder / f"exported/{KEY}", folder / "export.json", parameters())
    index(*inputs, folder / "index/big", folder / "index.json", folder / "figures", parameters())
    return folder


def by_torch(tiny: Path, model: str, pixels: np.ndarray, scales: list[float]) -> np.ndarray:
    """What the stages `extract` and `evaluate` make of pixels, step by step, with the whitening of `big`."""
    network, description = load_network(tiny / "models" / model)
    images = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    mean, std = (torch.tensor(description["normalisation"][name]).view(3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        descriptor = describe_at_scales(network, (images - mean) / std, scales)[0].double().numpy()
    whitening = read_whitening(tiny / "descriptors/big")
    whitened = whitening.projection @ (descriptor - whitening.mean)
    return whitened / np.linalg.norm(whitened)
