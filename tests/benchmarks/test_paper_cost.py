"""What the paper's setting costs, against hand calculations and against what a training really does."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from aml.images import ImageTensors
from aml.losses import load
from aml.networks.network import RetrievalNetwork
from aml.params.losses import loss_settings, loss_without_teacher
from aml.params.reading import read_parameters, setting
from aml.params.training import TRAININGS
from aml.training.loop import TrainingRun
from aml.training.objective import FeatureSource
from benchmarks import paper_cost
from benchmarks.paper_cost import PARTS, hours, paper_work, text, training_passes
from benchmarks.pictures import packed

ROOT = Path(__file__).parents[2]
VALUES = read_parameters(ROOT / "params.paper.yaml")


@pytest.fixture(scope="module")
def work():
    return paper_work(VALUES)


def test_hours_by_hand():
    adds = {part: Counter() for part in PARTS}
    adds["training"]["a"], adds["distractors"]["a"], adds["distractors"]["b"] = 9000, 3600, 1800
    rates = {part: {"a": 2.0, "b": 4.0} for part in PARTS} | {"training": {"a": 5.0}}
    # training 18000 / 5 s, one hour; distractors 7200 / 2 + 3600 / 4 s, an hour and a quarter
    assert hours(adds, rates) == pytest.approx((2.25, 1.25 / 2.25))


def test_images_of_the_paper_by_hand(work):
    passes, _ = work
    tested, training_images = 70 + 4993 + 70 + 6322, 91642 + 6403
    assert passes["targets"] == {"vgg16": training_images, "resnet101": training_images}
    assert passes["distractors"].total() == 42 * 1_001_001
    assert passes["extraction without distractors"].total() == 42 * tested + 40 * training_images
    reg = 100 * (3 * 20000 + 6400 + 6403)  # of 6,403 validation images 6,400 fill batches of five
    assert (
        training_passes(VALUES, "distill", loss_settings(VALUES, "reg"), VALUES["datasets"]["sfm120k"]["expected"])
        == reg
    )


@pytest.mark.parametrize(
    ("training", "loss"),
    [("distill", "contr_plus"), ("distill", "contr_pos"), ("distill", "reg"), ("train_student", "contr")],
)
def test_a_training_passes_as_many_images_as_counted(tmp_path, training, loss):
    """Anchors come once an epoch here, as the count assumes."""
    values = read_parameters(ROOT / "params.paper.yaml")
    values["losses"][loss]["images_per_epoch"] = values["train_student"]["loss"]["images_per_epoch"] = 12
    values[training] |= {"epochs": 2, "image_size": 16, "pool_size": 22}
    settings = setting(values, training, TRAININGS[training])
    is_distilled = training == "distill"
    own = loss_settings(values, loss) if is_distilled else loss_without_teacher(values, training)
    lists, begin = {}, 0
    for name, pairs in {"train": 12, "val": 7}.items():
        rows = np.arange(begin, begin := begin + 2 * pairs)
        lists |= {f"{name}_images": rows, f"{name}_clusters": rows // 2}
        lists |= {f"{name}_queries": rows[::2], f"{name}_positives": rows[1::2]}
    images = packed(tmp_path / "images", [(16, 16)] * begin)
    tensors = ImageTensors(images, image_size=16, normalisation={"mean": [0.5] * 3, "std": [0.5] * 3})
    network = RetrievalNetwork(backbone="lite0", stages=2, frozen_stages=0, projection=8, gem_p=3.0)
    targets = np.full((begin, 8), 8**-0.5, np.float32) if is_distilled else None
    source, count = FeatureSource(network, tensors, [], num_workers=0), 0

    def counted(features, describe=network.describe):
        nonlocal count
        count += len(features) * (1 + paper_cost.BACKWARD * torch.is_grad_enabled())
        return describe(features)

    network.describe = counted
    TrainingRun(
        source, lists, targets, load(loss), settings=settings, loss_settings=own, seed=0
    ).train()  # fmt: skip
    assert count == training_passes(values, training, own, {"train_images": 24, "val_images": 14, "val_pairs": 7})


def test_the_page_says_what_the_code_prints(work):
    page = (ROOT / "docs/paper.md").read_text(encoding="utf-8")
    for line in text(VALUES, *work, ROOT / "reports/gpu.json").splitlines():
        assert " ".join(line.split()) in " ".join(page.split())


def test_speeds_that_were_measured_replace_the_earlier_one(tmp_path, work):
    rows = [
        {"network": name, "precision": precision, "GFLOP/s": rate}
        for precision, rate in {"float32": 1e4, "tf32": 4e4}.items()
        for name in (*VALUES["grid"]["teachers"], *VALUES["grid"]["students"])
    ]
    of_students = [row for row in rows if row["network"] in VALUES["grid"]["students"]]
    part, training = {"status": "done", "rows": rows}, {"status": "done", "rows": of_students}
    found = {"card": "a card", "date": "2026-12-01", "tiny": False, "parts": {"extraction": part, "training": training}}
    (tmp_path / "gpu.json").write_text(json.dumps(found))
    _, adds = work
    slow = 2 * sum(adds[part].total() for part in PARTS) / 1e13 / 3600
    printed = text(VALUES, *work, tmp_path / "gpu.json")
    assert f"one a card in float32 (2026-12-01), that is {slow:.0f} hours" in printed
    assert f"in tf32 (2026-12-01), that is {slow / 4:.0f} hours" in printed and "H100" not in printed
    for unfit in ({"tiny": True}, {"card": "cpu"}, {"parts": {"extraction": part}}):
        (tmp_path / "gpu.json").write_text(json.dumps(found | unfit))
        assert paper_cost.read_speeds(tmp_path / "gpu.json") is None
