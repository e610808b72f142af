"""A run of its own: an extraction and two trainings by their stages' functions, in as many processes as the
parameters say. `python -m tests.stages.shared_work <inputs> <outputs> <parameters as JSON>`."""

import json
import sys
from pathlib import Path

import numpy as np

from stages.runtime import run_in_processes
from tests.stages.packed_sets import GRID, NUM_TRAIN, write_sets

DIMENSION = 8
# Loss: network, section. Without teacher, and by one in relations.
TRAININGS = {"contr": ("open", "train_student"), "rkd": ("frozen", "distill")}
EXTRACTION = {"image_size": 32, "batch_size": 4, "precision": "float32"}
TRAINING = {
    "image_size": 32, "epochs": 2, "batch_size": 5, "learning_rate": 0.001, "learning_rate_decay": 0.1,
    "weight_decay": 1e-6, "gem_learning_rate_factor": 10, "pool_size": 20, "precision": "float32",
}  # fmt: skip
NETWORK = {"label": "Small", "backbone": "lite0", "stages": 2, "frozen_stages": 0, "gem_p": 3, "source": "train"}
LOSS = {"num_negatives": 3, "images_per_epoch": 12, "margin": 0.7}
RUNTIME = {
    "device": "cpu", "processes": 1, "num_threads": None, "num_workers": 0, "num_downloads": 1, "compile": False,
}  # fmt: skip
VALUES = {
    "runtime": RUNTIME,
    "grid": GRID,
    "networks": {"open": NETWORK, "frozen": NETWORK | {"frozen_stages": 1}},
    "losses": {
        "rkd": {
            "label": "", "mining": "random", "num_negatives": 0, "images_per_epoch": 12,
            "distance_weight": 1, "angle_weight": 2,
        },
    },
    "train_student": TRAINING | {"loss": LOSS},
    "distill": TRAINING,
    "targets": EXTRACTION,
    "extract": EXTRACTION | {"scales": [1.0, 0.5], "distractor_dtype": "float16"},
}  # fmt: skip


def write_inputs(folder: Path) -> Path:
    """Sets, a model, its targets, and weights to start from."""
    import torch

    from aml.datasets.image_set_writer import write_lists
    from aml.files.image_sets import LISTS
    from aml.networks.network import RetrievalNetwork, save_network
    from aml.networks.tensors import IMAGENET, save_tensors
    from stages import targets

    rows = np.arange(NUM_TRAIN)
    parts = {"train": rows[:30], "val": rows[30:]}
    lists = {f"{part}_{name}": rows[:2] for part in ("train", "val", "whitening") for name in ("queries", "positives")}
    for part, images in parts.items():
        lists |= {f"{part}_images": images, f"{part}_clusters": images // 3}
        lists |= {f"{part}_queries": images[:-1:2], f"{part}_positives": images[1::2]}
    assert set(lists) == set(LISTS)
    write_lists(write_sets(folder / "sets") / "train", lists, NUM_TRAIN)
    torch.manual_seed(0)
    network = RetrievalNetwork(backbone="lite0", stages=2, frozen_stages=0, projection=DIMENSION, gem_p=3.0)
    save_network(folder / "model", network, normalisation={"mean": [0.5] * 3, "std": [0.5] * 3}, record={})
    save_tensors(folder / "weights" / IMAGENET, network.backbone.state_dict(), {})
    targets.main(folder / "model", folder / "sets/train", folder / "targets", VALUES)
    return folder


def main(inputs: Path, outputs: Path, values: dict) -> None:
    from aml.extraction import shards
    from stages import extract, train

    shards.NUM_ROWS = 3  # else all of so few images are the first process's
    extract.main(inputs / "model", inputs / "sets", outputs / "descriptors", values)
    for loss, (network, settings) in TRAININGS.items():
        train.main(
            network, inputs / "sets/train", inputs / "weights", outputs / "models" / loss, loss,
            settings, DIMENSION, None if loss == "contr" else inputs / "targets", 0, values,
        )  # fmt: skip


if __name__ == "__main__":
    values = json.loads(Path(sys.argv[3]).read_text())
    run_in_processes(main, *map(Path, sys.argv[1:3]), values)
