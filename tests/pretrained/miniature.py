"""The published pipeline in miniature: random networks in the authors' layouts, small synthetic test sets."""

import hashlib
from pathlib import Path

import yaml

from tests import ROOT
from tests.pipeline.conftest import SMALL
from tests.pretrained import published_files as files

DIMENSIONS = {"vgg16": 512, "resnet101": 2048}


def parameters(*, teachers: list[str], students: list[str], places: list[str]) -> dict:
    """published/params.yaml with part of its grid, Reg alone of the published losses, and drawn test sets."""
    values = yaml.safe_load((ROOT / "published/params.yaml").read_text())
    drawn = yaml.safe_load((ROOT / "params.yaml").read_text())["datasets"]
    drawn = [drawn[name]["synthetic"] for name in ("rsynth_a", "rsynth_b")]
    for dataset, synthetic in zip(values["grid"]["test_sets"], drawn, strict=True):
        small = synthetic | {"image_size": 64} | SMALL["revisited"]
        values["datasets"][dataset] |= {"sources": None, "expected": None, "synthetic": small}
    values["grid"] |= {
        "teachers": teachers,
        "published_teachers": teachers,
        "students": students,
        "losses": ["contr_pos", "reg"],
    }
    values["grid"]["dimensions"] = [DIMENSIONS[teacher] for teacher in teachers]
    values["runtime"] |= {"device": "cpu", "num_workers": 0}
    values["extract"] |= {"image_size": 64, "batch_size": 32}
    values["checkpoints"] |= {"losses": ["reg"], "places": places}
    return values


def keys(values: dict) -> list[str]:
    """The networks of the grid that are published."""
    grid, losses = values["grid"], values["checkpoints"]["losses"]
    alone = [f"{student}-{dimension}" for student in grid["students"] for dimension in grid["dimensions"]]
    pairs = [f"{student}-{teacher}" for student in grid["students"] for teacher in grid["teachers"]]
    return [*grid["teachers"], *alone, *(f"{pair}-{loss}" for pair in pairs for loss in losses)]


def publish(values: dict, folder: Path) -> dict[str, files.Network]:
    """Write the file of every network of the grid into `folder`, a new version of timm's layout and an old one in
    turn, and the whitenings; teachers are renamed in `values` after their digests. Gives the networks by key."""
    folder.mkdir(parents=True)
    networks = {}
    for seed, key in enumerate(keys(values)):
        backbone, *of = key.split("-")
        named = values["checkpoints"]["files"][key]
        if not of:
            networks[key] = files.network(backbone, seed=seed)
            path = folder / "teacher.pth"
            files.save_teacher(path, networks[key], architecture=backbone, dimension=DIMENSIONS[key])
            digits = hashlib.sha256(path.read_bytes()).hexdigest()[:7]
            named["checkpoint"] = f"{key}-{digits}.pth"
            path.rename(folder / named["checkpoint"])
            continue
        dimension = DIMENSIONS.get(of[0]) or int(of[0])
        networks[key] = files.network(backbone, dimension=dimension, seed=seed, old_timm=bool(seed % 2))
        path = folder / named["checkpoint"]
        files.save_student(path, networks[key], architecture=backbone)
        assert files.whitening_of(path).name == named["whitening"]
    return networks
