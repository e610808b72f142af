"""params.yaml and params.paper.yaml: one schema, and `check` at the door of both."""

import json
from pathlib import Path

import pytest

from aml.params.reading import read_parameters
from stages.check import FAMILIES, main

ROOT = Path(__file__).parents[2]
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
        assert list(values["losses"]) == values["grid"]["losses"]
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


@pytest.mark.parametrize(("file", "others"), [("params.paper.yaml", {}), ("params.yaml", {"contr_plus": 0.6})])
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
    ("file", "labelled", "others"), [("params.paper.yaml", 2000, 20000), ("params.yaml", 360, 720)]
)
def test_losses_without_labels_see_more_images(file, labelled, others):
    values = read_parameters(ROOT / file)
    images = {name: values["losses"][name]["images_per_epoch"] for name in LOSSES}
    assert images == {name: others if name in ("reg", "rkd", "dr") else labelled for name in LOSSES}
    assert {values[name]["loss"]["images_per_epoch"] for name in ("train_teacher", "train_student")} == {labelled}


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
    found = {name: (n["stages"], n["frozen_stages"]) for name, n in paper["networks"].items()}
    assert found == {"vgg16": (30, 0), "resnet101": (8, 0), "mobilenet_v2": (19, 0), "efficientnet_b3": (11, 0)}
    assert paper["grid"]["published_teachers"] == ["vgg16", "resnet101"] and paper["grid"]["trained_teachers"] == []
    assert paper["grid"]["dimensions"] == [512, 2048] and paper["comparison"]["printed"] is True


def test_both_share_what_does_not_depend_on_the_data(values):
    """METHOD, Sec. 3, 4 and 8."""
    for training in TRAININGS:
        assert values[training]["weight_decay"] == 1e-6 and values[training]["gem_learning_rate_factor"] == 10
    assert {network["gem_p"] for network in values["networks"].values()} == {3}
    assert values["extract"]["scales"] == pytest.approx([1, 2**-0.5, 0.5])
    assert (values["bootstrap"]["draws"], values["bootstrap"]["confidence"]) == (10000, 95)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("datasets.r1m.archives", 101, "datasets.r1m: archives is 101; accepted: 0 to 100"),
        ("datasets.r1m.sources", None, "datasets.r1m has neither of sources and synthetic; exactly one is accepted"),
        (
            "datasets.r1m.synthetic",
            {"seed": 3, "image_size": 96, "num_images": 100},
            "datasets.r1m has both of sources and synthetic",
        ),
        ("datasets.roxford5k.sources", [], "no 'gnd_roxford5k.pkl' among no files; needed are"),
        (
            "datasets.roxford5k.sources",
            [{"file": "gnd_roxford5k.pkl", "places": ["/x"]}],
            r"no archive \(\.tgz, .*\) among 'gnd_roxford5k.pkl'; needed are gnd_roxford5k.pkl",
        ),
        (
            "datasets.sfm120k.sources",
            [{"file": "a/../b", "places": ["/x"]}],
            r"datasets.sfm120k.sources\[0\]: file is 'a/../b'; accepted: a file name without folders",
        ),
        ("datasets.sfm120k.sources", [{"file": "x", "places": []}], "'x' has no places; accepted: one or more"),
        ("datasets.sfm120k.sources", [{"file": "x", "url": "y"}], r"unknown 'url' in params.yaml: .*sources\[0\]"),
        ("datasets.sfm120k.sources", [{"file": "x", "places": ["y"]}] * 2, "'x' stands twice; accepted: once"),
        ("datasets.rparis6k.expected.files", 7, "unknown count 'files' in params.yaml: datasets.rparis6k.expected"),
        ("datasets.rparis6k.expected.images", "7", r"expected.images is '7' \(str\); int is expected"),
        ("loss", "foo", "unknown 'foo' in params.yaml: loss; known: contr, "),
        ("distil", {}, "unknown 'distil' in params.yaml: params.yaml; known: student, teacher, loss"),
        ("distill.learning_rate", "abc", r"params.yaml: distill.learning_rate is 'abc' \(str\); float is expected"),
        ("runtime.device", "tpu", "params.yaml: runtime: device is 'tpu'; accepted: auto, cpu, cuda"),
        ("grid.losses", ["contr", "regg"], "unknown 'regg' in params.yaml: grid.losses; known: contr, contr_plus"),
        ("grid.teachers", ["vgg16"], r"grid.dimensions is \[512, 2048\]; accepted: \[512\], those of grid.teachers"),
        ("grid.teachers", ["resnet101", "vgg16"], r"accepted: \[2048, 512\], those of grid.teachers in their order"),
        ("grid.dimensions", [512], r"grid.dimensions is \[512\]; accepted: \[512, 2048\], those of grid.teachers"),
        ("networks.vgg16.stages", 5, r"grid.dimensions is \[512, 2048\]; accepted: \[64, 2048\], those of"),
        ("networks.vgg16.backbone", "vgg19", "networks.vgg16: unknown backbone 'vgg19'; known: efficientnet_b3, lite0"),
        ("grid.seeds", [1, 2], "unknown 0 in params.yaml: seed; known: 1, 2"),
        ("grid.seeds", None, "unknown 0 in params.yaml: seed; known: $"),
        ("grid.seeds", [], r"grid: seeds is \[\]; accepted: one or more, each once, 0 or more"),
        ("grid.seeds", [0, -1], r"seeds is \[0, -1\]; accepted: .* 0 or more"),
        ("grid.seeds", 0, "grid.seeds is 0; a list is expected"),
        ("train_teacher.seed", -1, "train_teacher: seed is -1; accepted: 0 or more"),
        ("distill.seed", 0, "unknown 'seed' in params.yaml: distill; known: image_size"),
        ("distill.batch_size", 4, "distill.batch_size is 4; accepted: at least 5 for dr, at most 20000, which is loss"),
        ("distill.batch_size", 2, "distill.batch_size is 2; accepted: at least 3 for rkd"),
        ("losses.dr.length", 5, "distill.batch_size is 5; accepted: at least 6 for dr"),
        ("losses.reg.images_per_epoch", 4, "at most 4, which is losses.reg.images_per_epoch"),
        ("train_student.batch_size", 2001, "at most 2000, which is train_student.loss.images_per_epoch"),
        ("grid.distractors", None, "grid.datasets names 'r1m', which nothing trains or is tested on"),
        ("weights", {"lite0": None}, "unknown 'lite0' in params.yaml: weights; known: efficientnet_b3, mobilenet_v2"),
        ("weights", {"vgg16": "/x"}, "weights.vgg16 is '/x'; a list is expected"),
        ("weights", {"vgg16": ["/a/x"], "resnet101": ["/b/x"]}, "weights names two files of one name in x, x"),
        ("extract.precision", "float16", "extract: precision is 'float16'; accepted: float32, tf32, bfloat16"),
    ],
)
def test_check_refuses(tmp_path, place, value, message):
    paper = read_parameters(ROOT / "params.paper.yaml")
    *parents, last = place.split(".")
    section = paper
    for name in parents:
        section = section[name]
    section[last] = value
    with pytest.raises(ValueError, match=message):
        main(tmp_path / "cell.json", tmp_path / "checked.json", paper)
    assert not list(tmp_path.iterdir())
