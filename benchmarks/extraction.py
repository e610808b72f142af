"""Time multi-scale descriptors of 1024 x 768 JPEGs by the four networks of params.paper.yaml, decoding included.

Ours is what the stage `extract` runs. Plain: one image at a time, contiguous layout, gradient mode. Each has its own
process, since a stage's memory settings (`aml.compute.device.keep_freed_memory`) would serve the plain version too.
"""

import copy
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from aml.compute.device import Runtime, runtime
from aml.extraction.describe import describe_batches
from aml.files.image_sets import ImageSet
from aml.images import ImageTensors, batches_of_one_size
from aml.networks.backbones import backbone
from aml.networks.inference import folded, prepare
from aml.networks.network import RetrievalNetwork
from aml.params.extraction import ExtractionSettings
from aml.params.reading import read_parameters, section, setting
from benchmarks.machine import device_name
from benchmarks.measure import Case, Options, alternate_prepared, require_equal
from benchmarks.pictures import SIZE, packed, random_network

PARAMETERS = "params.paper.yaml"
IMAGES = {"mobilenet_v2": 8, "efficientnet_b3": 8, "resnet101": 4, "vgg16": 4}  # on a CPU; on a GPU GPU_IMAGES
GPU_IMAGES = 64
FACTORS = {"cpu": {"mobilenet_v2": 2.0}, "cuda": {}}
FACTOR = {"cpu": 1.5, "cuda": 5.0}
TOLERANCE = 1e-5  # of a component of a unit-norm descriptor
ROUNDING = 4  # on a GPU, where random networks enlarge it: or as many times what rounding does to the plain version
NUM_EXACT = 8  # images of which float64 tells


def run(options: Options) -> list[Case]:
    device = torch_device(options.device)
    counts = {"mobilenet_v2": 3} if options.quick else IMAGES
    if device.type == "cuda" and not options.quick:
        counts = dict.fromkeys(IMAGES, GPU_IMAGES)
    with tempfile.TemporaryDirectory() as folder:
        images = packed(Path(folder), max(counts.values()) * [(96, 72) if options.quick else SIZE])
        return [
            compare(name, images.subset(np.arange(count)), device, 1 if options.quick else 3)
            for name, count in counts.items()
        ]


def compare(name: str, images: ImageSet, device: torch.device, trials: int) -> Case:
    seconds, results = alternate_prepared(both_ways(name, images, device), trials)
    subject = Subject(name, images, device)
    expected, tolerance = results["plain"], TOLERANCE
    if device.type == "cuda":
        exact = subject.exact(NUM_EXACT)
        tolerance = max(tolerance, ROUNDING * float(np.abs(results["plain"][: len(exact)] - exact).max()))
    elif np.abs(results["ours"] - results["plain"]).max() > TOLERANCE:
        # rounding moves the plain version itself by more: then ours must be no farther from float64
        expected = subject.exact(len(images))
        tolerance = float(np.abs(results["plain"] - expected).max())
    difference = require_equal(f"descriptors by {name}", results["ours"], expected, tolerance)
    spread = float(np.ptp(results["plain"], axis=0).max())
    if spread < max(10 * TOLERANCE, 2 * tolerance):
        raise ValueError(f"descriptors by {name} differ by {spread} only; accepted: pictures that can be told apart")
    factor = FACTORS[device.type].get(name, FACTOR[device.type])
    width, height = images.sizes[0].tolist()
    return Case(
        what=f"{name}, {len(images)} images, {width} x {height}, {len(subject.settings.scales)} scales",
        trials=trials,
        seconds=seconds,
        equality="components of descriptors",
        difference=difference,
        reached={f"{factor:g} times as fast": seconds["plain"] >= factor * seconds["ours"]},
        found={"seconds_an_image": seconds["ours"] / len(images), "spread_of_pictures": spread},
        device=device_name(device),
    )


def both_ways(name: str, images: ImageSet, device: torch.device) -> dict[str, tuple]:
    return {"ours": (ours, name, images, device.type), "plain": (plain, name, images, device.type)}


def ours(name: str, images: ImageSet, device: str) -> Callable[[], np.ndarray]:
    return Subject(name, images, torch_device(device)).ours


def plain(name: str, images: ImageSet, device: str) -> Callable[[], np.ndarray]:
    return Subject(name, images, torch.device("cpu") if device == "cpu" else torch_device(device)).plain


class Subject:
    """One network and the images to describe, both ways."""

    def __init__(self, name: str, images: ImageSet, device: torch.device):
        values = read_parameters(PARAMETERS)
        self.settings = setting(values, "extract", ExtractionSettings)
        self.num_workers = min(runtime(values).num_workers, torch.get_num_threads())
        self.device, self.images = device, images
        self.normalisation = backbone(section(values, f"networks.{name}.backbone")).normalisation
        self.tensors = ImageTensors(images, image_size=self.settings.image_size, normalisation=self.normalisation)
        first = self.tensors.normalised(self.tensors[0][None], torch.device("cpu"))
        self.network = random_network(values, name, first).to(device)
        self.folded = prepare(folded(self.network), device, "float32")

    def ours(self) -> np.ndarray:
        found = np.empty((len(self.images), self.folded.dimension), np.float32)
        batches = batches_of_one_size(self.images, range(len(self.images)), self.settings.batch_size)
        options = {"scales": self.settings.scales, "num_workers": self.num_workers, "name": "benchmark", "quiet": True}
        described = describe_batches(self.folded, self.tensors, batches, **options)
        for rows, descriptors in zip(batches, described, strict=True):
            found[rows] = descriptors.cpu().numpy()
        return found

    def plain(self) -> np.ndarray:
        return np.stack(
            [
                _plain_descriptor(self.network, self._decoded(row), self.settings.scales).cpu().numpy()
                for row in range(len(self.images))
            ]
        )

    def exact(self, count: int) -> np.ndarray:
        """The first images' descriptors in float64."""
        network = copy.deepcopy(self.network).double()
        with torch.no_grad():
            found = [
                _plain_descriptor(network, self._decoded(row).double(), self.settings.scales) for row in range(count)
            ]
        return torch.stack(found).cpu().numpy()

    def _decoded(self, row: int) -> torch.Tensor:
        image = Image.open(io.BytesIO(self.images.read(row))).convert("RGB")
        image.thumbnail((self.settings.image_size, self.settings.image_size), Image.Resampling.LANCZOS)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        mean, std = (torch.tensor(self.normalisation[key]).view(3, 1, 1) for key in ("mean", "std"))
        return ((pixels - mean) / std)[None].contiguous().to(self.device)  # (1, 3, H, W)


def _plain_descriptor(network: RetrievalNetwork, x: torch.Tensor, scales: list[float]) -> torch.Tensor:
    p, total = network.pool.p, 0
    for scale in scales:
        scaled = x if scale == 1 else F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
        total = total + network(scaled) ** p
    return F.normalize((total / len(scales)) ** (1 / p))[0].detach()  # (D,)


def torch_device(name: str) -> torch.device:
    """The device, set up as in stages."""
    return Runtime(
        device=name, processes=1, num_threads=None, num_workers=0, num_downloads=1, compile=False
    ).torch_device()
