"""Train one network: a teacher or a student without teacher by labels alone, a student by one loss to its teacher.
A published teacher isn't trained but copied from <weights>, with its whitening.

Reads: <processed> (training set), <weights> (ImageNet, or a published model), <targets> (its teacher's descriptors of
the training images).
Writes: <model>/model.safetensors, model.json, curves/ (per epoch); whitening.npz of a published teacher.
Beside <model>, while it trains, a checkpoint: an interrupted training goes on after its last one.
"""

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from aml.compute.device import runtime
from aml.compute.distributed import rank
from aml.compute.feature_cache import KEPT_FEATURES
from aml.compute.unfinished import code_digest, remove_work, work_folder
from aml.files.atomic import replacing_folder
from aml.files.descriptors import DescriptorFolder
from aml.files.digests import file_sha256
from aml.files.image_sets import read_images, read_lists
from aml.images import ImageTensors
from aml.losses import load
from aml.networks.backbones import backbone
from aml.networks.network import RetrievalNetwork, place, save_network, start_from
from aml.networks.tensors import IMAGENET
from aml.params.losses import loss_settings, loss_without_teacher
from aml.params.networks import network_settings
from aml.params.reading import parameters, section, setting
from aml.params.training import TRAININGS
from aml.training.checkpoints import Checkpoints
from aml.training.features import FeatureSource
from aml.training.loop import Run, random_stream
from stages.runtime import run_in_processes


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
        if rank() > 0:
            return
        with replacing_folder(model) as folder:
            shutil.copytree(weights, folder, copy_function=shutil.copyfile, dirs_exist_ok=True)
        return
    settings = setting(values, settings_name, TRAININGS[settings_name])
    is_distilled = settings_name == "distill"
    losses = loss_settings(values, loss_name) if is_distilled else loss_without_teacher(values, settings_name)
    where = runtime(values)
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
    place(network, where.torch_device(), settings.precision)
    normalisation = backbone(own.backbone).normalisation
    tensors = ImageTensors(images, image_size=settings.image_size, normalisation=normalisation)
    rows = np.concatenate([lists["train_images"], lists["val_images"]])
    source = FeatureSource(network, tensors, rows, num_workers=where.num_workers, kept=KEPT_FEATURES)
    loop = Run(
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
    train(loop, model, depends | surroundings([processed, weights, targets_folder], source.device))


def train(loop: Run, model: Path, depends: dict) -> None:
    """Trains, after the last checkpoint of an interrupted run with equal `depends` if there is one; writes <model>. Of
    several processes all train, and the first writes."""
    checkpoints = Checkpoints(work_folder(model, depends), loop)
    done = checkpoints.restore()
    if rank() > 0:
        loop.train()
        return
    with replacing_folder(model) as folder:
        if done:
            print(f"train: {model} goes on after epoch {done} of {loop.settings.epochs}", file=sys.stderr)
        record = loop.train(curves(folder / "curves"), checkpoints.save)
        normalisation = loop.source.tensors.normalisation
        save_network(folder, loop.network, normalisation=normalisation, record=record)
    remove_work(model)


def surroundings(inputs: list[Path | None], device: torch.device) -> dict:
    """What besides its settings decides the bits of a training: code, inputs, torch, and where it computes."""
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
    """A function that adds one epoch's values to the files under `folder`, <name>.tsv with the columns step and <name>:
    what `dvc plots` reads. Each epoch is in the files when the function returns."""
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
    parser.add_argument("--seed", type=int, help="of a student; a teacher's stands in its settings")
    a = parser.parse_args()
    places = (a.network, a.processed, a.weights, a.model)
    run_in_processes(main, *places, a.loss, a.settings, a.dimension, a.targets, a.seed, parameters)
