"""Parameters, multiply-adds and time of networks, against the paper's numbers and by hand."""

import pytest
import torch
import yaml

from aml.complexity.costs import Cost, latex, read_csv, three
from aml.complexity.measuring import latency, multiply_adds, num_parameters
from aml.compute.device import processor
from aml.networks.network import RetrievalNetwork
from stages import complexity
from tests import ROOT

COST = Cost("lite_a-16", "Lite_A", 16, 14_714_689, 362, 362, 39_600_000_000, 1234.5, 20, "A CPU", 2)


@pytest.mark.parametrize(
    ("name", "dimension", "millions", "billions"),
    [
        ("vgg16", None, "14.7", "39.6"),
        ("resnet101", None, "42.5", "21.2"),
        ("mobilenet_v2", 512, "2.88", "0.92"),
        ("mobilenet_v2", 2048, "4.85", "1.20"),
        ("efficientnet_b3", 512, "11.5", "2.77"),
        ("efficientnet_b3", 2048, "13.8", "3.11"),
    ],
)
def test_the_paper_s_networks_cost_what_it_says(name, dimension, millions, billions):
    """Parameters, and multiply-adds of an image of 362 x 362."""
    network = yaml.safe_load((ROOT / "params.paper.yaml").read_text())["networks"][name]
    arguments = {key: network[key] for key in ("backbone", "stages", "frozen_stages", "gem_p")}
    network = RetrievalNetwork(**arguments, projection=dimension)
    found = num_parameters(network) / 1e6, multiply_adds(network, (362, 362)) / 1e9
    printed = [
        f"{value:.{len(text.partition('.')[2])}f}" for value, text in zip(found, (millions, billions), strict=True)
    ]
    assert printed == [millions, billions]


def test_multiply_adds_of_a_transformer_by_hand():
    """There are 4 x 6 patches and the class token; a token takes part in 2 C products with each other one."""
    channels, tokens = 384, 4 * 6 + 1
    of_blocks = 12 * tokens * (3 + 1 + 4 + 4) * channels**2 + 12 * 2 * tokens**2 * channels
    network = RetrievalNetwork(backbone="dinov2_vits14", stages=14, frozen_stages=0, projection=None, gem_p=3.0)
    assert multiply_adds(network, (50, 84)) == (tokens - 1) * 3 * 14**2 * channels + of_blocks


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_time_on_a_gpu_is_that_of_the_whole_pass():
    network = RetrievalNetwork(backbone="lite0", stages=3, frozen_stages=0, projection=16, gem_p=3.0)
    assert latency(network, (768, 1024), torch.device("cuda"), repeats=3) > 1e-3


def test_the_stage_writes_a_line_for_each_network_and_size(tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["complexity"] = {"sizes": [[32, 32], [64, 48]], "repeats": 1}
    values["grid"]["students"] = ["lite0_short", "lite0_mid"]
    values["runtime"]["device"] = "cpu"
    complexity.main(tmp_path / "c.csv", tmp_path / "c.tex", values)
    costs = read_csv(tmp_path / "c.csv")
    keys = ["lite0", "lite2", "lite0_short-672", "lite0_short-720", "lite0_mid-672", "lite0_mid-720"]
    sizes = [(32, 32), (64, 48)]
    assert [(cost.key, (cost.height, cost.width)) for cost in costs] == [(key, size) for key in keys for size in sizes]
    assert {cost.key: cost.parameters for cost in costs}["lite2"] == 1_249_425
    small, large = costs[:2]
    assert large.multiply_adds == 3 * small.multiply_adds and small.latency_ms > 0 and small.repeats == 1
    assert {cost.device for cost in costs} == {processor()}
    lines = (tmp_path / "c.tex").read_text().splitlines()
    rows = [line for line in lines if line.endswith(r"\\") and "multicolumn" not in line]
    assert len(rows) == 1 + len(keys) and {row.count("&") for row in rows} == {2 + 2 * len(sizes)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.csv", "c.tex"]


def test_the_table_says_what_was_measured_where():
    text = latex([COST], "50% of it.")
    assert r"{Lite\_A} & 16 & 14.7 & 39.6 & 1,234 \\" in text
    assert r"\caption[What the networks cost]{50\% of it." in text
    assert "median of 20 passes" in text and "on A CPU" in text and r"$362 \times 362$" in text
    digits = {0.0214: "0.0214", 0.92: "0.920", 39.63: "39.6", 12345: "12,345"}
    assert {value: three(value) for value in digits} == digits
