"""A run of its own: an extraction by its stage's function, in as many processes as the parameters say.
`python -m tests.stages.shared_work <inputs> <outputs> <parameters as JSON>`."""

import json
import sys
from pathlib import Path

from stages.runtime import run, share
from tests.stages.packed_sets import GRID, write_sets

RUNTIME = {
    "device": "cpu", "processes": 1, "num_threads": None, "num_workers": 0, "num_downloads": 1, "compile": False,
}  # fmt: skip
VALUES = {
    "runtime": RUNTIME,
    "grid": GRID,
    "whitening": {"shrinkage": 0},
    "extract": {
        "image_size": 32, "batch_size": 4, "precision": "float32", "scales": [1.0, 0.5], "distractor_dtype": "float16",
    },
}  # fmt: skip


def write_inputs(folder: Path) -> Path:
    """Write sets and a model."""
    import torch

    from aml.networks.network import RetrievalNetwork
    from aml.networks.stored import save_network

    write_sets(folder / "sets")
    torch.manual_seed(0)
    network = RetrievalNetwork(backbone="lite0", stages=2, frozen_stages=0, projection=8, gem_p=3.0)
    save_network(folder / "model", network, normalisation={"mean": [0.5] * 3, "std": [0.5] * 3}, record={})
    return folder


def main(inputs: Path, outputs: Path, values: dict) -> None:
    from aml.extraction import descriptor_folder
    from stages import extract

    descriptor_folder.NUM_ROWS = 3  # else all of so few images are the first process's
    extract.main(inputs / "model", inputs / "sets", outputs / "descriptors", values)


if __name__ == "__main__":
    values = json.loads(Path(sys.argv[3]).read_text())
    run(share, main, *map(Path, sys.argv[1:3]), values)
