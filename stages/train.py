"""Train one network: a teacher or a student without teacher by labels alone, a student by one loss to its teacher.
A published teacher is copied from <weights>, with its whitening.

Reads: <processed> (training set), <weights> (ImageNet, or a published model), <targets> (its teacher's descriptors of
the training images).
Writes: <model>/model.safetensors, model.json, curves/ (per epoch); whitening.npz of a published teacher.
While it trains, a checkpoint is beside <model>: an interrupted training goes on after its last one.
"""

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from aml.compute.device import runtime
from aml.compute.feature_cache import FEATURE_CACHE
from aml.compute.unfinished import code_digest, partial_folder, remove_partial
from aml.files.atomic import replacing_folder
from aml.files.descriptors import DescriptorFolder
from aml.files.digests import file_sha256
from aml.files.image_sets import read_images, read_lists
from aml.images import ImageTensors
from aml.losses import load
from aml.networks.backbones import backbone
from aml.networks.inference import prepare
from aml.networks.network import RetrievalNetwork
from aml.networks.stored import IMAGENET, save_network, start_from
from aml.params.losses import loss_settings, loss_without_teacher
from aml.params.networks import network_settings
from aml.params.reading import parameters, section, setting
from aml.params.training import TRAININGS
from aml.training.checkpoints import Checkpoints
from aml.training.features import FeatureSource
from aml.training.loop import TrainingRun, random_stream
from stages.runtime import run


def main(
    network_name: str,
    processed: Path,
    weights: Path,
    model: Path,
    loss_name: str,
    settings_name: str,
    dimension: int | None,
    targets_folder: Path | None,
    seed: int | None,
    values: dict,
) -> None:
    own = network_settings(values, network_name)
    if own.source == "published":
        with replacing_folder(model) as folder:
            shutil.copytree(weights, folder, copy_function=shutil.copyfile, dirs_exist_ok=True)
        return
    settings = setting(values, settings_name, TRAININGS[settings_name])
    is_distilled = settings_name == "distill"
    losses = loss_settings(values, loss_name) if is_distilled else loss_without_teacher(values, settings_name)
    where = runtime(values)
    if where.processes > 1:
        print("train: one process trains; runtime.processes are for extraction only", file=sys.stderr)
    seed = settings.seed if seed is None else seed

    images, lists = read_images(processed), read_lists(processed)
    targets = None
    if targets_folder is not None:
        folder = DescriptorFolder(targets_folder)
        folder.require_list("images", len(images), images.digest())
        targets = folder["images"]
        dimension = targets.shape[1]

    network = RetrievalNetwork(
        backbone=own.backbone,
        stages=own.stages,
        frozen_stages=own.frozen_stages,
        projection=dimension,
        gem_p=own.gem_p,
    )
    start = torch.Generator().manual_seed(int(random_stream(seed, "projection").integers(2**63)))
    start_from(network, weights / IMAGENET, generator=start)
    prepare(network, where.torch_device(), settings.precision)
    normalisation = backbone(own.backbone).normalisation
    tensors = ImageTensors(images, image_size=settings.image_size, normalisation=normalisation)
    rows = np.concatenate([lists["train_images"], lists["val_images"]])
    source = FeatureSource(network, tensors, rows, num_workers=where.num_workers, cache=FEATURE_CACHE)
    training = TrainingRun(
        network,
        source,
        lists,
        targets,
        load(loss_name),
        settings=settings,
        loss_settings=losses,
        seed=seed,
    )
    sections = [settings_name, f"networks.{network_name}", *([f"losses.{loss_name}"] if is_distilled else [])]
    depends = {name: section(values, name) for name in sections}
    depends |= {"loss": loss_name, "dimension": dimension, "seed": seed}
    train(training, model, depends | surroundings([processed, weights, targets_folder], source.device))


def train(training: TrainingRun, model: Path, depends: dict) -> None:
    """Train, from the checkpoint of an interrupted run with equal `depends` if there is one, and write <model>."""
    checkpoints = Checkpoints(partial_folder(model, depends), training)
    done = checkpoints.restore()
    with replacing_folder(model) as folder:
        if done:
            print(f"train: {model} goes on after epoch {done} of {training.settings.epochs}", file=sys.stderr)
        record = training.train(curves(folder / "curves"), checkpoints.save)
        normalisation = training.source.tensors.normalisation
        save_network(folder, training.network, normalisation=normalisation, record=record)
    remove_partial(model)


def surroundings(inputs: list[Path | None], device: torch.device) -> dict:
    """Return what decides the bits of a training besides its settings: code, inputs, torch, and where it computes."""
    given = [path for path in inputs if path is not None]
    files = [file for path in given for file in ([path] if path.is_file() else sorted(path.iterdir()))]
    files = [file for file in files if file.name != "images.tar"]  # 50 GB; report.json has its sha256
    is_gpu = device.type == "cuda"
    return {
        "code": code_digest(),
        "inputs": {str(file): file_sha256(file) for file in files},
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if is_gpu else f"{torch.get_num_threads()} threads",
    }


def curves(folder: Path) -> Callable[[dict], None]:
    """Return a function that adds one epoch's values to the files that `dvc plots` reads: <name>.tsv under `folder`,
    with the columns step and <name>. Each epoch is in the files when the function returns."""
    metrics = folder / "plots" / "metrics"
    metrics.mkdir(parents=True)

    def log(values: dict) -> None:
        for name, value in values.items():
            if name != "epoch":
                with open(metrics / f"{name}.tsv", "a", encoding="utf-8") as file:
                    if file.tell() == 0:
                        file.write(f"step\t{name}\n")
                    file.write(f"{values['epoch']}\t{value}\n")

    return log


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", help="a name under networks in params.yaml")
    parser.add_argument("processed", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--loss", required=True)
    parser.add_argument("--settings", required=True, choices=TRAININGS, help="section of params.yaml")
    parser.add_argument("--dimension", type=int, help="of a student without teacher")
    parser.add_argument("--targets", type=Path, help="descriptor folder of the teacher")
    parser.add_argument("--seed", type=int, help="of a student; a teacher's is in its settings")
    a = parser.parse_args()
    paths = (a.network, a.processed, a.weights, a.model)
    run(main, *paths, a.loss, a.settings, a.dimension, a.targets, a.seed, parameters)
