"""Miniature raw folders in the upstream layouts, for the tests beside this file."""

import io
import pickle
import tarfile

import numpy as np
from PIL import Image

from aml.datasets import revisited
from aml.params.datasets import Distractors, SourceFile, TestSet, TrainingSet
from tests.pictures import encoded

GND = [
    {"bbx": [2.5, 3.25, 30.0, 25.75], "easy": [0], "hard": [2], "junk": []},
    {"bbx": [-1.0, 0.0, 41.0, 30.0], "easy": [], "hard": [1], "junk": [0, 2]},
]


def image(number, size=(40, 30), mode="RGB", file_format="JPEG", **options) -> bytes:
    """Encoded noise that depends on `number`."""
    small = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return encoded(Image.fromarray(small).resize(size), file_format, mode, **options)


def write_archive(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def write_pickle(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, 2))


def training_set(lists, *, expected=None, on_bad_image="error"):
    return TrainingSet(lists, "sfm", lists, expected, on_bad_image, sources=None, synthetic=None)


def revisited_set(name, archives, expected=None):
    sources = [SourceFile(file, ["unused"]) for file in (f"gnd_{name}.pkl", *archives)]
    return TestSet(name, "revisited", expected, sources, synthetic=None)


def distractor_set(name, archives, *, in_all, expected=None, on_bad_image="error"):
    return Distractors(
        name, "distractors", name, in_all, archives, expected, on_bad_image, sources=None, synthetic=None
    )


def run_revisited(tmp_path, files, gnd=GND, expected=None, **changed):
    raw = tmp_path / "raw"
    for name, contained in files.items():
        write_archive(raw / name, contained)
    value = {"imlist": ["db_0", "db_1", "db_2"], "qimlist": ["q_1", "q_0"], "gnd": gnd} | changed
    write_pickle(raw / "gnd_mini.pkl", value)
    settings = revisited_set("mini", files, expected)
    revisited.preprocess(raw, tmp_path / "processed", tmp_path / "mini.json", settings, name="mini", num_workers=2)
    return tmp_path / "processed"
