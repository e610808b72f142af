"""Miniature raw folders in the upstream layouts, packed by the stage `preprocess`."""

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from aml.files.atomic import read_json
from aml.files.digests import file_sha256
from stages import preprocess
from tests.pictures import encoded

GND = [
    {"bbx": [2.5, 3.25, 30.0, 25.75], "easy": [0], "hard": [2], "junk": []},
    {"bbx": [-1.0, 0.0, 41.0, 30.0], "easy": [], "hard": [1], "junk": [0, 2]},
]
RUNTIME = {"device": "cpu", "processes": 1, "num_threads": 1, "num_workers": 2, "num_downloads": 1, "compile": False}


def image(number, size=(40, 30), mode="RGB", file_format="JPEG", **options) -> bytes:
    """Encoded noise that depends on `number`."""
    small = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return encoded(Image.fromarray(small).resize(size), file_format, mode, **options)


def write_archive(path: Path, files: dict[str, bytes], mode="w:gz", **fields) -> Path:
    """Write a tar of these files; `fields`: what else their headers say."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            for field, value in fields.items():
                setattr(member, field, value)
            tar.addfile(member, io.BytesIO(data))
    return path


def write_pickle(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, 2))


def pack(folder: Path, name: str, layout: str, files: list[str], num_workers=2, **settings) -> Path:
    """Pack the raw `files` of <folder>/raw as <folder>/processed/<name>, with labels in <folder>/ground_truth."""
    common = {"label": name, "layout": layout, "expected": None, "synthetic": None}
    common["sources"] = [{"file": file, "places": ["/unused"]} for file in files]
    values = {"datasets": {name: common | settings}, "runtime": RUNTIME | {"num_workers": num_workers}}
    processed = folder / "processed" / name
    preprocess.main(name, folder / "raw", processed, folder / f"ground_truth/{name}.json", values)
    return processed


def pack_training_set(folder: Path, *, on_bad_image="error", **settings) -> Path:
    files = ["ims.tar.gz", "mini.pkl", "mini-whiten.pkl"]
    return pack(folder, "mini", "sfm", files, lists="mini", on_bad_image=on_bad_image, **settings)


def pack_distractors(folder: Path, archives: int, in_all: int, *, on_bad_image="error", expected=None):
    options = {"list": "mini", "archives": archives, "archives_in_all": in_all, "on_bad_image": on_bad_image}
    files = ["mini.txt", "revisitop1m.{number}.tar.gz"]
    return pack(folder, "mini", "distractors", files, expected=expected, **options)


def run_revisited(folder: Path, files, gnd=GND, expected=None, **changed) -> Path:
    """Write archives and the ground truth of a test set, with `changed` entries, and pack them."""
    for name, contained in files.items():
        write_archive(folder / "raw" / name, contained)
    value = {"imlist": ["db_0", "db_1", "db_2"], "qimlist": ["q_1", "q_0"], "gnd": gnd} | changed
    write_pickle(folder / "raw/gnd_mini.pkl", value)
    return pack(folder, "mini", "revisited", ["gnd_mini.pkl", *files], expected=expected)


def report(folder: Path) -> dict:
    content = read_json(folder / "report.json")
    assert content.pop("images_sha256") == file_sha256(folder / "images.tar")
    return content
