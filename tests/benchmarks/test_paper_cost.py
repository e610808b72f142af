"""What the paper's setting costs, by hand. What a training really passes: tests/training/test_training_run.py."""

import json
from collections import Counter
from pathlib import Path

import pytest

from aml.params.losses import loss_settings
from aml.params.reading import read_parameters, setting
from aml.params.training import TrainingSettings
from benchmarks import paper_cost
from benchmarks.paper_cost import PARTS, hours, paper_work, text, training_passes

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
    settings, of_set = setting(VALUES, "distill", TrainingSettings), VALUES["datasets"]["sfm120k"]["expected"]
    assert training_passes(settings, loss_settings(VALUES, "reg"), of_set, is_distilled=True) == reg


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
