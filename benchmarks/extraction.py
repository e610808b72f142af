"""Time the stage `extract`, from a packed test set and a model's folder to a descriptor folder: the four networks of
params.paper.yaml, multi-scale descriptors of 1024 x 768 JPEGs.

Ours is the stage's own function. Public is the way of cnnimageretrieval-pytorch (see `public`); plain is the same
without processes that decode, in torch's default mode. Each has its own process, since a stage's memory settings
(`aml.compute.device.keep_freed_memory`) would serve the others too. The network owns its whitening, as published ones
do.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from aml.compute.device import runtime
from aml.files.descriptors import DescriptorFolder
from aml.files.image_sets import read_images, read_queries
from aml.files.whitening import Whitening, read_whitening, write_whitening
from aml.images import ImageTensors
from aml.networks.backbones import backbone
from aml.networks.stored import load_network, save_network
from aml.params.extraction import ExtractionSettings
from aml.params.reading import read_parameters, section, setting
from benchmarks.measure import ROOT, Case, Options, alternate_processes, require_equal
from benchmarks.pictures import SIZE, packed, random_network
from benchmarks.public import Pictures, extract_vectors, whitenapply
from stages.extract import main

PARAMETERS, QUICK_SIZE = ROOT / "params.paper.yaml", (96, 72)
IMAGES = {"mobilenet_v2": 25, "efficientnet_b3": 17, "resnet101": 13, "vgg16": 13}  # one is the query
FACTORS = {"mobilenet_v2": 2.0}
FACTOR = 1.5
TOLERANCE = 1e-5  # of a component of a unit-norm descriptor


def run(options: Options) -> list[Case]:
    device, cases = torch_device(options.device), []
    for name, count in ({"mobilenet_v2": 4} if options.quick else IMAGES).items():
        with tempfile.TemporaryDirectory() as folder:
            write_inputs(Path(folder), name, count, QUICK_SIZE if options.quick else SIZE)
            cases.append(compare(Path(folder), name, count, device, options.trials))
    return cases


def compare(folder: Path, name: str, count: int, device: torch.device, trials: int) -> Case:
    timings = alternate_processes(variants(folder, device.type), trials)
    seconds, results = timings.seconds, timings.results
    expected, tolerance = results["public"], TOLERANCE
    if np.abs(results["ours"] - expected).max() > TOLERANCE:
        # rounding moves the public way itself by more: then ours must be no farther from float64
        expected = described(folder, "cpu", num_workers(), torch.float64)
        tolerance = float(np.abs(results["public"] - expected).max())
    difference = require_equal(f"descriptors by {name}", results["ours"], expected, tolerance)
    spread = float(np.ptp(results["public"], axis=0).max())
    if spread < max(10 * TOLERANCE, 2 * tolerance):
        raise ValueError(f"descriptors by {name} differ by {spread} only; accepted: pictures that can be told apart")
    factor, settings = FACTORS.get(name, FACTOR), setting(values_for(device.type), "extract", ExtractionSettings)
    width, height = read_images(folder / "processed/test").sizes[0].tolist()
    return Case(
        what=f"{name}, {count} images, {width} x {height}, {len(settings.scales)} scales",
        **timings.of_case,
        equality="components of descriptors",
        difference=difference,
        reached={f"{factor:g} times the public way": seconds["public"] >= factor * seconds["ours"]},
        found={"seconds_an_image": seconds["ours"] / count, "spread_of_pictures": spread},
        device=device_name(device),
    )


def variants(folder: Path, device: str) -> dict[str, Callable[[], np.ndarray]]:
    """Return each way, for `alternate_processes`."""
    return {
        "ours": partial(ours, folder, values_for(device)),
        "plain": partial(described, folder, device, 0, gradient=True),
        "public": partial(described, folder, device, num_workers()),
    }


def write_inputs(folder: Path, name: str, count: int, size: tuple[int, int]) -> None:
    """Write what the stage reads: `model` with its whitening, and the packed set processed/test, one query among its
    `count` images."""
    values = values_for("cpu")
    images = packed(folder / "processed/test", [size] * count, num_queries=1)
    normalisation = backbone(section(values, f"networks.{name}.backbone")).normalisation
    tensors = ImageTensors(images, image_size=section(values, "extract")["image_size"], normalisation=normalisation)
    first = tensors.normalised(tensors[0][None], torch.device("cpu"))
    network = random_network(values, name, first)
    save_network(folder / "model", network, normalisation=normalisation, record={})
    rng, dimension = np.random.default_rng(0), network.dimension
    projection = np.eye(dimension) + rng.normal(0, 0.1 / dimension**0.5, (dimension, dimension))
    write_whitening(folder / "model", Whitening(np.full(dimension, 0.1 / dimension**0.5), projection))


def values_for(device: str) -> dict:
    """Return the paper's parameters for the set of `write_inputs`."""
    values = read_parameters(PARAMETERS)
    values["grid"] |= {"train_set": None, "test_sets": ["test"], "distractors": None}
    values["runtime"] |= {"device": device, "num_workers": num_workers()}
    return values


def num_workers() -> int:
    return min(section(read_parameters(PARAMETERS), "runtime")["num_workers"], torch.get_num_threads())


def ours(folder: Path, values: dict) -> np.ndarray:
    main(folder / "model", folder / "processed", folder / "descriptors", values)
    return in_one_array(DescriptorFolder(folder / "descriptors"))


def in_one_array(arrays) -> np.ndarray:
    return np.concatenate([arrays["test.queries"], arrays["test.database"]])


def described(
    folder: Path, device: str, num_workers: int, dtype: torch.dtype = torch.float32, gradient: bool = False
) -> np.ndarray:
    """Describe the set in the public way, from the same files, and write its arrays as .npy files."""
    settings = setting(values_for(device), "extract", ExtractionSettings)
    network, description = load_network(folder / "model")
    network, test, arrays = network.to(device, dtype), folder / "processed/test", {}
    for name, images in {"test.queries": read_queries(test), "test.database": read_images(test)}.items():
        pictures = Pictures(images, settings.image_size, description["normalisation"])
        with torch.set_grad_enabled(gradient):
            arrays[name] = extract_vectors(network, pictures, range(len(images)), settings.scales, num_workers)
        if name == "test.database":
            whitening = read_whitening(folder / "model")
            arrays[name] = whitenapply(arrays[name], whitening.mean, whitening.projection)
        np.save(folder / f"{name}.npy", arrays[name])
    return in_one_array(arrays)


def torch_device(name: str) -> torch.device:
    """Return the device, set up as in stages."""
    return runtime(values_for(name)).torch_device()


def device_name(device: torch.device) -> str:
    """Return the name of a device: "cpu", or the GPU's own."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
