"""Train one network: a teacher or a student without teacher by labels only, a distilled student by one loss.

Reads: <processed> (training set), <weights> (ImageNet), <targets> (its teacher's descriptors of the training images).
Writes: <model>/model.safetensors, model.json, curves/ (per epoch).
While it trains, a checkpoint is beside <model>: an interrupted training goes on after its last one.
"""

import sys
from functools import partial
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
from aml.losses import load, make_bank
from aml.networks.backbones import backbone
from aml.networks.inference import prepare
from aml.networks.network import RetrievalNetwork
from aml.networks.stored import IMAGENET, save_network, start_from
from aml.params.losses import loss_settings, loss_without_teacher
from aml.params.networks import network_settings
from aml.params.reading import section, setting
from aml.params.training import TRAININGS
from aml.training.checkpoints import Checkpoints
from aml.training.loop import TrainingRun, random_stream
from aml.training.objective import FeatureSource
from stages.runtime import run_command


def main(
    network: str,
    processed: Path,
    weights: Path,
    model: Path,
    values: dict,
    *,
    loss: str,
    settings: str,
    dimension: int | None = None,
    targets: Path | None = None,
    seed: int | None = None,
) -> None:
    """Write <model>. network: a name under `networks` in params.yaml. settings: a section, one of TRAININGS.
    dimension: that of a student without teacher. targets: the teacher's. seed: that of a student; a teacher's is in
    its settings."""
    own = network_settings(values, network)
    training_settings, where = setting(values, settings, TRAININGS[settings]), runtime(values)
    is_distilled, seed = settings == "distill", training_settings.seed if seed is None else seed
    settings_of_loss = loss_settings(values, loss) if is_distilled else loss_without_teacher(values, settings)

    images, lists, descriptors = read_images(processed), read_lists(processed), None
    if targets is not None:
        folder = DescriptorFolder(targets)
        folder.require_list("images", images.digest, whitened=False)
        descriptors = folder["images"]
        dimension = descriptors.shape[1]

    net = RetrievalNetwork(**own.architecture, projection=dimension)
    start = torch.Generator().manual_seed(int(random_stream(seed, "projection").integers(2**63)))
    start_from(net, weights / IMAGENET, generator=start)
    prepare(net, where.torch_device(), training_settings.precision)
    tensors = ImageTensors(
        images, image_size=training_settings.image_size, normalisation=backbone(own.backbone).normalisation
    )
    rows = np.concatenate([lists["train_images"], lists["val_images"]])
    constants = settings_of_loss.constants
    bank = {} if descriptors is None else make_bank(loss, descriptors[lists["train_images"]], constants)
    source = FeatureSource(net, tensors, rows, num_workers=where.num_workers, cache=FEATURE_CACHE)
    training = TrainingRun(
        source,
        lists,
        descriptors,
        partial(load(loss), **bank),
        settings=training_settings,
        loss_settings=settings_of_loss,
        seed=seed,
    )
    sections = [settings, f"networks.{network}", *([f"losses.{loss}"] if is_distilled else [])]
    depends = {name: section(values, name) for name in sections}
    depends |= {"loss": loss, "dimension": dimension, "seed": seed}
    train(training, model, depends | surroundings([processed, weights, targets], source.device))


def train(training: TrainingRun, model: Path, depends: dict) -> None:
    """Train, from the checkpoint of an interrupted run with equal `depends` if there is one, and write <model>."""
    checkpoints = Checkpoints(partial_folder(model, depends), training)
    done = checkpoints.restore()
    with replacing_folder(model) as folder:
        if done:
            print(f"train: {model} goes on after epoch {done} of {training.settings.epochs}", file=sys.stderr)
        record = training.train(checkpoints.save)
        write_curves(folder / "curves", record)
        normalisation = training.source.tensors.normalisation
        save_network(folder, training.network, normalisation=normalisation, record=record)
    remove_partial(model)


def surroundings(inputs: list[Path | None], device: torch.device) -> dict:
    """Return what decides the bits of a training besides its settings: code, inputs, torch, and where it computes."""
    files = [file for folder in inputs if folder is not None for file in sorted(folder.iterdir())]
    files = [file for file in files if file.name != "images.tar"]  # 50 GB; report.json has its sha256
    return {
        "code": code_digest(),
        "inputs": {str(file): file_sha256(file) for file in files},
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads",
    }


def write_curves(folder: Path, record: list[dict]) -> None:
    """Write the files that `dvc plots` reads: <name>.tsv under `folder` for each value of the epochs in `record`, with
    the columns step and <name>."""
    metrics = folder / "plots" / "metrics"
    metrics.mkdir(parents=True)
    for name in record[0].keys() - {"epoch"}:
        lines = [f"step\t{name}\n", *(f"{values['epoch']}\t{values[name]}\n" for values in record)]
        (metrics / f"{name}.tsv").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
