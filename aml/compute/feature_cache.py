"""What frozen stages say of images, kept on disk: all cells of a student ask one trunk, which no training
changes, about the same images.

Features are looked up by the pixels themselves and by all that decides their bits, so that they are what they would be
computed anew. They are no stage's output: without the folder the results are the same, later.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import torch

from aml.compute.device import processor
from aml.compute.distributed import count
from aml.files.digests import syntax_sha256
from aml.networks.network import RetrievalNetwork
from aml.networks.tensors import load_tensors, save_tensors, tensors_sha256

KEPT_FEATURES = Path("work/features")  # git ignores it
MAX_TRUNKS = 8  # in the folder; the one that was asked longest ago goes first
MAX_BYTES = 2**29  # of a trunk's features; those of a million images would fill the disk, and none more are kept


def keep_frozen_features(network: RetrievalNetwork, folder: Path | None) -> None:
    """From now on `network.frozen_features`, given float32 images in one batch, takes from `folder` what it has been
    given before, by whichever process. Not for gradients; None keeps nothing.

    Nor is anything kept of a network without frozen stages, on a GPU, which computes faster than a disk reads, and by
    several processes.
    """
    device = next(network.parameters()).device
    if folder is not None and network.frozen_stages and device.type == "cpu" and count() == 1:
        network.kept = KeptFeatures(folder, network)


class KeptFeatures:
    """The features (B, C, H', W') of image batches (B, 3, H, W) by one trunk, each in a file of its own."""

    def __init__(self, folder: Path, network: RetrievalNetwork):
        self.folder = Path(folder) / _digest(network)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.touch()
        for trunk in sorted(self.folder.parent.iterdir(), key=_last_use)[:-MAX_TRUNKS]:
            shutil.rmtree(trunk, ignore_errors=True)
        self.num_bytes = sum(file.stat().st_size for file in self.folder.glob("*.safetensors"))

    def __call__(self, images: torch.Tensor, compute) -> torch.Tensor:
        """`compute(images)`, which depends on nothing but the images, channels last."""
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
            save_tensors(path, {"features": features}, {})
        except OSError as error:  # a full disk: the room that there is belongs to the results
            print(f"no more features are kept: {error}", file=sys.stderr)
            self.num_bytes = MAX_BYTES

    @staticmethod
    def _read(path: Path) -> torch.Tensor | None:
        if not path.exists():
            return None
        try:
            return load_tensors(path)[0]["features"]
        except (OSError, ValueError) as error:
            print(f"kept features are computed again: {error}", file=sys.stderr)
            return None


def _digest(network: RetrievalNetwork) -> str:
    """sha256 of what decides a feature's bits, the pixels aside."""
    trunk = network.backbone[: network.frozen_stages]
    room = Path(sys.modules[RetrievalNetwork.__module__].__file__).parent  # networks and their backbones
    files = {Path(__file__), *room.rglob("*.py")}
    code = sorted([path.name, syntax_sha256(path)] for path in files)
    machine = [torch.__version__, processor(), torch.get_num_threads(), network.precision]
    weights = [network.arguments["backbone"], network.frozen_stages, tensors_sha256(trunk.state_dict(), {})]
    return hashlib.sha256(json.dumps([weights, code, machine]).encode()).hexdigest()


def _last_use(trunk: Path) -> float:
    try:
        return trunk.stat().st_mtime
    except FileNotFoundError:  # another process was faster
        return 0.0
