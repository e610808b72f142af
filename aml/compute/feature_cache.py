"""Disk cache for the outputs of frozen backbone blocks.

All trainings and extractions of one student have the same frozen blocks and the same images, so these features are
computed once. The cache finds them by the pixels and by everything else that decides their bits, so they equal what
would be computed anew. They are not an output of a stage: without the folder the results are the same and come later.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import torch

from aml.compute.device import processor
from aml.files.digests import syntax_sha256
from aml.networks.network import RetrievalNetwork
from aml.networks.stored import load_tensors, save_tensors, tensors_sha256

FEATURE_CACHE = Path("work/features")  # git ignores it
MAX_BACKBONES = 8  # in the folder; the one that was used longest ago goes first
MAX_BYTES = 2**29  # of a backbone's features: those of a million images would fill the disk


def cache_frozen_features(network: RetrievalNetwork, folder: Path | None) -> None:
    """Make `network.frozen_features` keep the features of batches of float32 images in `folder`, and take them from
    there.

    It does so only without gradient. Nothing is cached if `folder` is None, without frozen blocks, and on a GPU, which
    computes faster than a disk reads.
    """
    if folder is not None and network.frozen_stages and next(network.parameters()).device.type == "cpu":
        network.feature_cache = FeatureCache(folder, network)


class FeatureCache:
    """The features (B, C, H', W') of image batches (B, 3, H, W) by the frozen blocks of one network, one file for
    each batch."""

    def __init__(self, folder: Path, network: RetrievalNetwork):
        self.folder = Path(folder) / _digest(network)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.touch()
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            for backbone in sorted(self.folder.parent.iterdir(), key=os.path.getmtime)[:-MAX_BACKBONES]:
                shutil.rmtree(backbone, ignore_errors=True)
        self.num_bytes = sum(file.stat().st_size for file in self.folder.glob("*.safetensors"))

    def __call__(self, images: torch.Tensor, compute) -> torch.Tensor:
        """Return `compute(images)`, which depends on nothing but the images, channels last."""
        pixels = images.permute(0, 2, 3, 1).contiguous()
        name = hashlib.sha256(f"{tuple(pixels.shape)} {pixels.dtype}\n".encode())
        name.update(pixels.view(-1).numpy())
        path = self.folder / f"{name.hexdigest()}.safetensors"
        features = self._read(path)
        if features is None:
            features = compute(images).permute(0, 2, 3, 1).contiguous()
            self.num_bytes += features.nbytes
            if self.num_bytes <= MAX_BYTES:
                self._write(path, features)
        return features.permute(0, 3, 1, 2)

    def _write(self, path: Path, features: torch.Tensor) -> None:
        try:
            save_tensors(path, {"features": features})
        except OSError as error:  # a full disk: the room that there is belongs to the results
            print(f"no more features are cached: {error}", file=sys.stderr)
            self.num_bytes = MAX_BYTES

    @staticmethod
    def _read(path: Path) -> torch.Tensor | None:
        if not path.exists():
            return None
        try:
            return load_tensors(path)["features"]
        except (OSError, ValueError) as error:
            print(f"cached features are computed again: {error}", file=sys.stderr)
            return None


def _digest(network: RetrievalNetwork) -> str:
    """Return the sha256 of what decides a feature's bits, the pixels aside."""
    frozen = network.backbone[: network.frozen_stages]
    room = Path(sys.modules[RetrievalNetwork.__module__].__file__).parent  # networks and their backbones
    files = {Path(__file__), *room.rglob("*.py")}
    code = sorted([path.name, syntax_sha256(path)] for path in files)
    machine = [torch.__version__, processor(), torch.get_num_threads(), network.precision]
    weights = [network.arguments["backbone"], network.frozen_stages, tensors_sha256(frozen.state_dict())]
    return hashlib.sha256(json.dumps([weights, code, machine]).encode()).hexdigest()
