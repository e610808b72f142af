"""`make gpu` on a CPU at tiny size: every part measures, what fails or takes too long stops nothing but itself."""

import json

import pytest

from benchmarks import gpu, paper_cost
from benchmarks.gpu_parts import PARTS

pytestmark = pytest.mark.long

NETWORKS = {"mobilenet_v2", "efficientnet_b3", "vgg16", "resnet101"}


def measured(folder, *arguments: str) -> tuple[int, dict]:
    """The exit status and reports/gpu.json of a run."""
    status = gpu.main(["--device", "cpu", "--tiny", "--reports", str(folder), *arguments])
    return status, json.loads((folder / "gpu.json").read_text())


def test_every_part_measures(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    status, found = measured(tmp_path, "--minutes", "100")
    parts = found["parts"]
    assert list(parts) == list(gpu.SHARES) == list(PARTS) and sum(gpu.SHARES.values()) == pytest.approx(1)
    assert {name: part["status"] for name, part in parts.items()} == dict.fromkeys(parts, "done") and status == 0
    rows = {name: part["rows"] for name, part in parts.items()}
    assert rows["tests"][0]["failed"] == rows["tests"][0]["passed"] == 0 < rows["tests"][0]["skipped"]
    assert {row["network"]: row["from the CPU's"] for row in rows["against a CPU"]} == dict.fromkeys(NETWORKS, 0)
    assert {(row["network"], row["precision"]) for row in rows["extraction"] if "images/s" in row} == {
        (network, precision) for network in NETWORKS for precision in ("float32", "bfloat16")
    }
    for row in rows["extraction"][2:]:
        assert row["images/s"] > 0 and (row["largest difference"] == 0) is (row["precision"] == "float32")
    assert {row["network"] for row in rows["training"]} == {"mobilenet_v2", "efficientnet_b3"}
    assert [row["layout"] for row in rows["new shapes"]] == ["ours", "channels last"]
    assert [row["extract.precision"] for row in rows["cell"]] == ["float32", "bfloat16"]
    assert all(0 < row["rsynth_a, asymmetric"] <= 100 for row in rows["cell"])
    text = (tmp_path / "gpu.md").read_text()
    assert all(f"## {name}: done" in text for name in parts) and "| mobilenet_v2 | bfloat16 |" in " ".join(text.split())
    for precision in ("float32", "bfloat16"):  # what the estimate takes
        rates = paper_cost.rates(found, precision)
        assert set(rates["distractors"]) >= NETWORKS and set(rates["training"]) == {"mobilenet_v2", "efficientnet_b3"}


def test_a_part_that_takes_too_long_is_stopped_and_the_next_one_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "SHARES", {"cell": 0.0001, "tests": 0.9})
    status, found = measured(tmp_path, "--minutes", "60")
    assert {name: part["status"] for name, part in found["parts"].items()} == {
        "cell": "stopped after 0 s",
        "tests": "done",
    }
    assert status == 1


def test_a_part_that_fails_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(gpu, "SHARES", {"tests": 1})
    assert gpu.main(["--device", "cuda", "--reports", str(tmp_path)]) == 1
    part = json.loads((tmp_path / "gpu.json").read_text())["parts"]["tests"]
    assert part["status"].startswith("failed: ValueError: ") and "CUDA device" in part["status"]
    assert "failed: ValueError" in (tmp_path / "gpu.md").read_text()
