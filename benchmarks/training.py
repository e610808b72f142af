"""Time an epoch of distilling MobileNetV2 by Contr+ at 362 px: mining, training, validation; images are decoded.

Ours is `aml.training.loop.TrainingRun`, as the stage runs it. Public is the loop of cnnimageretrieval-pytorch (see
`public`), plain the same without processes that decode. Ours also measures two recalls on the validation images, which
the others leave out. Images have three shapes, as photographs do.
"""

import copy
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from aml.images import ImageTensors
from aml.losses import load
from aml.networks.backbones import backbone
from aml.networks.inference import prepare
from aml.networks.network import RetrievalNetwork
from aml.params.losses import loss_settings
from aml.params.reading import read_parameters, section, setting
from aml.params.training import TrainingSettings
from aml.training.loop import TrainingRun
from aml.training.objective import FeatureSource
from benchmarks.extraction import PARAMETERS, device_name, num_workers, torch_device
from benchmarks.measure import Case, Options, alternate_processes, require_equal
from benchmarks.pictures import packed, random_network
from benchmarks.public import Distillation, Epoch

NAME, LOSS = "mobilenet_v2", "contr_plus"
SIZES, QUICK_SIZES = ((1024, 768), (1024, 768), (1024, 768), (768, 1024), (1024, 683)), ((96, 72), (72, 96))
ANCHORS, VALIDATED = 60, 20  # images, in clusters of two
LEARNING_RATE = 1e-4  # a hundred times the paper's, so that an epoch moves the losses
TOLERANCE = 1e-3  # of the losses
# Of the way that descriptors went. Adam divides gradients by their own size, and so moves weights whose gradients are
# close to zero by their rounding. Where this adds up to more, the public way in float64 says how much is rounding.
WAY_TOLERANCE = 0.02


def run(options: Options) -> list[Case]:
    device = torch_device(options.device)
    with tempfile.TemporaryDirectory() as folder:
        task = distillation(Path(folder), device, quick=options.quick)
        ways = {"ours": (ours, task), "plain": (public, replace(task, num_workers=0)), "public": (public, task)}
        timings = alternate_processes({name: partial(*way) for name, way in ways.items()}, options.trials)
    seconds, results = timings.seconds, timings.results
    (weights, losses), (expected_weights, expected_losses) = results["ours"], results["public"]
    require_equal("losses", losses, expected_losses, TOLERANCE * max(expected_losses))
    start, found, expected = (described(task, given) for given in (weights_of(task.network), weights, expected_weights))

    def distance(descriptors: np.ndarray) -> float:
        return float(np.linalg.norm(descriptors - expected) / np.linalg.norm(expected - start))

    tolerance = WAY_TOLERANCE
    if distance(found) > tolerance:
        exact_weights, _ = public(in_float64(task))
        tolerance = distance(described(task, exact_weights))
    return [
        Case(
            what=f"{NAME}, {LOSS}, an epoch of {len(task.lists['train_queries'])} anchors",
            **timings.of_case,
            equality="distance of descriptors after the epoch, as a part of the way that they went",
            difference=require_equal("descriptors", [distance(found)], [0], tolerance),
            reached={"not slower than the public way": seconds["ours"] <= seconds["public"]},
            found={"losses": expected_losses, "accepted_distance": tolerance},
            device=device_name(device),
        )
    ]


def distillation(folder: Path, device: torch.device, *, quick: bool) -> Distillation:
    values = read_parameters(PARAMETERS)
    num_train, num_val, sizes = (20, 12, QUICK_SIZES) if quick else (2 * ANCHORS, VALIDATED, SIZES)
    count = num_train + num_val
    images = packed(folder, (list(sizes) * count)[:count])
    settings = replace(setting(values, "distill", TrainingSettings), epochs=1, learning_rate=LEARNING_RATE)
    normalisation = backbone(section(values, f"networks.{NAME}.backbone")).normalisation
    tensors = ImageTensors(images, image_size=settings.image_size, normalisation=normalisation)
    network = random_network(values, NAME, tensors.normalised(tensors[0][None], torch.device("cpu"))).to(device)
    targets = np.random.default_rng(0).standard_normal((count, network.dimension), np.float32)
    targets += 3 * np.abs(targets[np.arange(count) // 2 * 2])  # images of a cluster are alike
    lists = {}
    for name, rows in {"train": np.arange(num_train), "val": np.arange(num_train, count)}.items():
        parts = {"images": rows, "clusters": rows // 2, "queries": rows[::2], "positives": rows[1::2]}
        lists |= {f"{name}_{part}": values for part, values in parts.items()}
    return Distillation(
        network,
        images,
        normalisation,
        lists,
        targets / np.linalg.norm(targets, axis=1, keepdims=True),
        LOSS,
        settings,
        replace(loss_settings(values, LOSS), images_per_epoch=num_train // 2),
        num_workers(),
    )


def training_run(task: Distillation, network: RetrievalNetwork) -> TrainingRun:
    tensors = ImageTensors(task.images, image_size=task.settings.image_size, normalisation=task.normalisation)
    source = FeatureSource(network, tensors, [], num_workers=task.num_workers)
    return TrainingRun(
        source, task.lists, task.targets, load(task.loss),
        settings=task.settings, loss_settings=task.loss_settings, seed=0,
    )  # fmt: skip


def ours(task: Distillation) -> tuple[list[np.ndarray], list[float]]:
    device = torch_device(next(task.network.parameters()).device.type)
    network = prepare(copy.deepcopy(task.network), device, "float32")
    (epoch,) = training_run(task, network).train()
    return weights_of(network), [epoch["train_loss"], epoch["validation_loss"]]


def public(task: Distillation) -> tuple[list[np.ndarray], list[float]]:
    network, *losses = Epoch(task).run()
    return weights_of(network), losses


def in_float64(task: Distillation) -> Distillation:
    return replace(task, network=copy.deepcopy(task.network).double(), targets=task.targets.astype(np.float64))


def weights_of(network: RetrievalNetwork) -> list[np.ndarray]:
    return [parameter.detach().cpu().numpy() for parameter in network.parameters()]


def described(task: Distillation, weights: list[np.ndarray]) -> np.ndarray:
    """Return descriptors of the validation images by the network with these weights."""
    network = copy.deepcopy(task.network)
    with torch.no_grad():
        for parameter, values in zip(network.parameters(), weights, strict=True):
            parameter.copy_(torch.from_numpy(values))  # in the network's own precision
    return training_run(task, network).source.descriptors(task.lists["val_images"])
