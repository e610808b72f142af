"""params.yaml and params.paper.yaml: one schema, and `check` at the door of both."""

import json

import pytest

from aml.params.datasets import dataset_settings, source_files
from aml.params.losses import loss_settings, loss_without_teacher
from aml.params.reading import read_parameters
from stages.check import main
from tests import ROOT

FILES = ["params.yaml", "params.paper.yaml"]


TUPLES = {"mining": "hard", "num_negatives": 5}
LOSSES = {  # METHOD, Sec. 2
    "contr": {**TUPLES, "margin": 0.7},
    "contr_plus": {**TUPLES, "margin": 0.7},
    "contr_pos": {"mining": "hard", "num_negatives": 0},
    "contr_pos_self": {"mining": "hard", "num_negatives": 0},
    "triplet": {**TUPLES, "margin": 0.1},
    "ms": {**TUPLES, "alpha": 2, "beta": 40, "threshold": 0.5},
    "reg": {"mining": "none", "num_negatives": 0},
    "rkd": {"mining": "random", "num_negatives": 0, "distance_weight": 1, "angle_weight": 2},
    "dr": {"mining": "random", "num_negatives": 0, "alpha": 3, "beta": 3, "length": 4},
}
PAPER_TRAINING = {  # METHOD, Sec. 3
    "image_size": 362,
    "epochs": 100,
    "batch_size": 5,
    "learning_rate": 1e-6,
    "learning_rate_decay": 0.01,
    "weight_decay": 1e-6,
    "gem_learning_rate_factor": 10,
    "pool_size": 20000,
    "precision": "float32",
}
TRAININGS = ("train_teacher", "train_student", "distill")


@pytest.mark.parametrize(
    ("file", "margins", "labelled", "unlabelled", "alone"),
    [
        ("params.paper.yaml", {}, 2000, 20000, (2000, 2000)),
        ("params.yaml", {"contr": 0.6, "contr_plus": 0.6}, 1000, 1500, (360, 200)),
    ],
)
def test_losses_have_the_method_s_constants(file, margins, labelled, unlabelled, alone):
    """`margins`: those that the file says to be its own. Losses without labels see more images; `alone`: of teachers
    and of students without teacher."""
    values = read_parameters(ROOT / file)
    found = {name: {key: x for key, x in values["losses"][name].items() if key != "label"} for name in LOSSES}
    for name, loss in LOSSES.items():
        own = {"images_per_epoch": unlabelled if name in ("reg", "rkd", "dr") else labelled}
        assert found[name] == loss | own | ({"margin": margins[name]} if name in margins else {})
    assert list(values["losses"])[: len(LOSSES)] == values["grid"]["losses"][: len(LOSSES)] == list(LOSSES)
    for training, images in zip(("train_teacher", "train_student"), alone, strict=True):
        assert values[training]["loss"] == {"num_negatives": 5, "margin": 0.7, "images_per_epoch": images}


def test_the_paper_has_the_method_s_numbers_sets_and_networks():
    """METHOD, Sec. 3 to 5. Whole networks train; the teachers are published ones, and ours against printed tables."""
    paper = read_parameters(ROOT / "params.paper.yaml")
    for training in TRAININGS:
        assert PAPER_TRAINING.items() <= paper[training].items()
    assert (paper["extract"]["image_size"], paper["targets"]["image_size"]) == (1024, 362)
    assert {name: dataset["expected"] for name, dataset in paper["datasets"].items()} == {
        "sfm120k": {"train_images": 91642, "train_pairs": 181697, "val_images": 6403, "val_pairs": 1691},
        "roxford5k": {"queries": 70, "database": 4993, "images": 5063},
        "rparis6k": {"queries": 70, "database": 6322, "images": 6412},
        "r1m": 1001001,
    }
    used = [*paper["grid"]["teachers"], *paper["grid"]["students"]]
    found = {name: (paper["networks"][name]["stages"], paper["networks"][name]["frozen_stages"]) for name in used}
    assert found == {"vgg16": (30, 0), "resnet101": (8, 0), "mobilenet_v2": (19, 0), "efficientnet_b3": (11, 0)}
    assert paper["grid"]["published_teachers"] == ["vgg16", "resnet101"] and paper["grid"]["trained_teachers"] == []
    assert paper["grid"]["dimensions"] == [512, 2048] and paper["comparison"]["printed"] is True


@pytest.mark.parametrize("file", FILES)
def test_check_accepts_both_and_they_share_what_does_not_depend_on_the_data(tmp_path, file):
    """METHOD, Sec. 3, 4 and 8."""
    values = read_parameters(ROOT / file)
    main(tmp_path / "cell.json", tmp_path / "checked.json", values)
    cell = json.loads((tmp_path / "cell.json").read_text())
    who = [values[name] for name in ("student", "teacher", "loss", "seed")]
    assert list(cell.values()) == [*who, "-".join(map(str, who))]
    for training in TRAININGS:
        factor = 10 if training != "distill" or values["comparison"]["printed"] else 1  # params.yaml says why
        assert (values[training]["weight_decay"], values[training]["gem_learning_rate_factor"]) == (1e-6, factor)
    assert {network["gem_p"] for network in values["networks"].values()} == {3}
    assert values["extract"]["scales"] == pytest.approx([1, 2**-0.5, 0.5])
    assert (values["bootstrap"]["draws"], values["bootstrap"]["confidence"]) == (10000, 95)


@pytest.mark.parametrize("training", ["train_teacher", "train_student"])
def test_who_has_no_teacher_has_constants_of_its_own(training, monkeypatch):
    values = read_parameters(ROOT / "params.yaml")
    values["losses"]["contr"] |= {"margin": 0.8, "num_negatives": 7, "images_per_epoch": 11}
    values[training]["loss"] |= {"margin": 0.9, "num_negatives": 3, "images_per_epoch": 13}
    own = loss_without_teacher(values, training)
    assert (own.constants, own.num_negatives, own.images_per_epoch, own.mining) == ({"margin": 0.9}, 3, 13, "hard")
    assert loss_settings(values, "contr").constants == {"margin": 0.8}
    monkeypatch.setattr("aml.losses.members", lambda name: ("self", "anchor"))
    with pytest.raises(ValueError, match=r"unknown members \['anchor'\] of loss 'reg'; known: self, positive, negativ"):
        loss_settings(values, "reg")


def test_the_files_of_the_real_sets():
    """Numbers of archives are written out."""
    values = read_parameters(ROOT / "params.paper.yaml")
    for archives, count in ((100, 101), (7, 8), (0, 0)):
        values["datasets"]["r1m"]["archives"] = archives
        found = {name: source_files(dataset_settings(values, name), name) for name in values["datasets"]}
        assert [len(files) for files in found.values()] == [3, 2, 3, count]
        for files in found.values():
            assert all([place.rpartition("/")[2] for place in places] == [file] for file, places in files.items())
