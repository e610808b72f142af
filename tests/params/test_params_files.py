"""params.yaml and params.paper.yaml: one schema, and `check` at the door of both."""

import json

import pytest

from aml.params.reading import read_parameters
from stages.check import FAMILIES, main
from tests import ROOT

FILES = ["params.yaml", "params.paper.yaml"]


@pytest.fixture(params=FILES)
def values(request):
    return read_parameters(ROOT / request.param)


def test_check_accepts_both(values, tmp_path):
    main(tmp_path / "cell.json", tmp_path / "checked.json", values)
    cell = json.loads((tmp_path / "cell.json").read_text())
    who = [values[name] for name in ("student", "teacher", "loss", "seed")]
    assert list(cell.values()) == [*who, "-".join(map(str, who))]


def test_both_have_the_same_keys():
    """Where names are a user's own (datasets, networks, weights), each entry has the keys of its kind; see `check`."""
    default, paper = (read_parameters(ROOT / name) for name in FILES)
    assert list(default) == list(paper)
    for section in set(default) - set(FAMILIES):
        if isinstance(default[section], dict):
            assert list(default[section]) == list(paper[section])
    assert {name: list(default["losses"][name]) for name in LOSSES} == {
        name: list(paper["losses"][name]) for name in LOSSES
    }
    for values in (default, paper):  # a loss of one's own comes after the paper's
        assert list(values["losses"])[: len(LOSSES)] == values["grid"]["losses"][: len(LOSSES)] == list(LOSSES)
        assert values["grid"]["losses"][: len(LOSSES)] == list(LOSSES)


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
    ("file", "others"), [("params.paper.yaml", {}), ("params.yaml", {"contr": 0.6, "contr_plus": 0.6})]
)
def test_losses_have_the_method_s_constants(file, others):
    """`others`: margins that the file says to be its own."""
    values = read_parameters(ROOT / file)
    found = {
        name: {key: value for key, value in values["losses"][name].items() if key not in ("label", "images_per_epoch")}
        for name in LOSSES
    }
    assert found == {name: loss | {"margin": others[name]} if name in others else loss for name, loss in LOSSES.items()}
    for training in ("train_teacher", "train_student"):
        alone = {key: value for key, value in values[training]["loss"].items() if key != "images_per_epoch"}
        assert alone == {"num_negatives": 5, "margin": 0.7}


@pytest.mark.parametrize(
    ("file", "labelled", "others", "alone"),
    [("params.paper.yaml", 2000, 20000, (2000, 2000)), ("params.yaml", 1000, 1500, (360, 200))],
)
def test_losses_without_labels_see_more_images(file, labelled, others, alone):
    """`alone`: of teachers and of students without teacher."""
    values = read_parameters(ROOT / file)
    images = {name: values["losses"][name]["images_per_epoch"] for name in LOSSES}
    assert images == {name: others if name in ("reg", "rkd", "dr") else labelled for name in LOSSES}
    assert tuple(values[name]["loss"]["images_per_epoch"] for name in ("train_teacher", "train_student")) == alone


def test_the_paper_trains_by_the_method_s_numbers():
    paper = read_parameters(ROOT / "params.paper.yaml")
    for training in TRAININGS:
        assert {key: paper[training][key] for key in PAPER_TRAINING} == PAPER_TRAINING
    assert (paper["extract"]["image_size"], paper["targets"]["image_size"]) == (1024, 362)


def test_the_paper_has_the_method_s_sets_and_networks():
    """METHOD, Sec. 3 to 5. Whole networks train; the teachers are published ones, and ours against printed tables."""
    paper = read_parameters(ROOT / "params.paper.yaml")
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


def test_both_share_what_does_not_depend_on_the_data(values):
    """METHOD, Sec. 3, 4 and 8."""
    for training in TRAININGS:
        factor = 10 if training != "distill" or values["comparison"]["printed"] else 1  # params.yaml says why
        assert (values[training]["weight_decay"], values[training]["gem_learning_rate_factor"]) == (1e-6, factor)
    assert {network["gem_p"] for network in values["networks"].values()} == {3}
    assert values["extract"]["scales"] == pytest.approx([1, 2**-0.5, 0.5])
    assert (values["bootstrap"]["draws"], values["bootstrap"]["confidence"]) == (10000, 95)
