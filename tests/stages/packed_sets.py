"""Tiny packed sets: a training set `train` and a test set `test`, of noise."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from aml.storage.imagesets import LISTS
from aml.storage.pack import PackWriter, write_ground_truth, write_lists
from aml.storage.seals import write_sealed

NUM_TRAIN, NUM_DATABASE, NUM_QUERIES = 40, 9, 2
LABELS = [{"easy": [0, 4], "hard": [7], "junk": [2]}, {"easy": [1], "hard": [5, 6], "junk": []}]
GRID = {"train_set": "train", "test_sets": ["test"], "distractors": None, "loss_without_teacher": "contr"}


def write_sets(processed: Path) -> Path:
    random = np.random.default_rng(0)
    for name, count in (("train", NUM_TRAIN), ("test", NUM_DATABASE + NUM_QUERIES)):
        folder = processed / name
        folder.mkdir(parents=True)
        names = [f"{name}{i}" for i in range(count)]
        with PackWriter(folder) as pack:
            for image in names:
                pack.add(image, png(random), 40, 32)
            if name == "train":
                pack.write_list("images.csv", names)
                lists = {key: np.arange(2, dtype=np.int64) for key in LISTS}
                lists["whitening_queries"], lists["whitening_positives"] = np.arange(0, 30), np.arange(5, 35)
                write_lists(folder, lists, count)
            else:
                pack.write_list("images.csv", names[:NUM_DATABASE])
                pack.write_list("queries.csv", names[NUM_DATABASE:], [[0, 0, 40, 32]] * NUM_QUERIES)
                write_ground_truth(folder, LABELS, NUM_DATABASE)
        write_sealed(folder / "report.json", {"excluded": []})
    return processed


def png(random: np.random.Generator) -> bytes:
    file = io.BytesIO()
    Image.fromarray(random.integers(0, 255, (32, 40, 3), dtype=np.uint8)).save(file, "png")
    return file.getvalue()
