"""Every benchmark, end to end at tiny size: their equalities hold, and the file says what it should."""

import json
import os
import time
import xml.etree.ElementTree as ElementTree
from functools import partial

import numpy as np
import pytest
import torch

from benchmarks import evaluation, indexes
from benchmarks.__main__ import NAMES, main
from benchmarks.measure import alternate_processes, in_child, require_equal
from benchmarks.training import WAY_TOLERANCE

pytestmark = [
    pytest.mark.filterwarnings("ignore:The image decoding:DeprecationWarning"),  # torchvision's, of its own
    pytest.mark.long,
]

ENTRY = {"date", "quick", "machine", "versions"}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder, threads = tmp_path_factory.mktemp("reports"), torch.get_num_threads()
    torch.set_num_threads(1)  # more cost more than they give at these sizes
    main(["--quick", "--device", "cpu", "--reports", str(folder)])
    torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope="module")
def entries(reports):
    return json.loads((reports / "benchmarks.json").read_text())


def test_the_file_holds_every_benchmark_and_where_it_ran_and_curves_are_drawn(entries, reports):
    assert list(entries) == list(NAMES)
    for name, entry in entries.items():
        rest = {"growth": {"curves"}, "graph": {"skipped"}, "search": {"skipped"}}.get(name, {"cases"})
        assert set(entry) == ENTRY | rest
        assert entry["machine"]["cores"] > 0 and entry["quick"] is True
    for curve in entries["growth"]["curves"]:
        assert all(len(values) == len(curve["sizes"]) for values in curve["seconds"].values())
    everything, nothing = (entries["growth"]["curves"][0]["seconds"][key] for key in ("everything", "nothing to do"))
    assert everything > nothing
    assert ElementTree.parse(reports / "growth.svg").getroot().tag.endswith("svg")


def test_every_case_compares_two_equal_results(entries):
    cases = [(name, case) for name, entry in entries.items() for case in entry.get("cases", [])]
    assert len(cases) == 8  # two databases, a network, an epoch, mining, two sizes of decoding, indexes
    for name, case in cases:
        assert "ours" in case["seconds"] and {"plain", "public"} & set(case["seconds"])
        assert min(case["seconds"].values()) > 0 and case["equality"]
        assert (
            0 <= case["difference"] <= {"training": WAY_TOLERANCE, "evaluation": evaluation.TOLERANCE}.get(name, 1e-4)
        )
        assert case["reached"] and all(isinstance(yes, bool) for yes in case["reached"].values())
    assert all(case["difference"] == 0 for case in entries["decoding"]["cases"])
    for name in ("extraction", "training"):
        (case,) = entries[name]["cases"]
        assert set(case["seconds"]) == set(case["cpu_seconds"]) == {"ours", "plain", "public"}
        assert min(case["cpu_seconds"].values()) > 0


def test_every_kind_of_index_is_built_and_searched(entries):
    (case,) = entries["indexes"]["cases"]
    kinds = case["found"]["kinds"]
    assert set(kinds) == {"float32", "float16", "int8", "PQ 64", "PQ 32", "PQ 16", "ivf", "ivfpq", "hnsw"}
    for kind in kinds.values():
        assert min(kind[cost] for cost in ("build_s", "query_wall_ms", "queries_a_second")) > 0
    assert kinds["float32"]["recall_at_10"] == 1 and kinds["float32"]["bytes_a_row"] == pytest.approx(128, abs=1)
    assert 0.1 < kinds["PQ 16"]["recall_at_10"] <= kinds["PQ 32"]["recall_at_10"] <= 1


def test_a_build_that_takes_too_long_is_given_up(tmp_path, monkeypatch):
    indexes.draw(tmp_path, 50, 8, 5, 2)
    np.save(tmp_path / "exact.npy", np.zeros((2, 10), int))
    monkeypatch.setattr(indexes, "LIMIT", -1)
    found = indexes.measured(tmp_path, "float32", indexes.QUICK_SETTINGS)
    assert found == {"left_out": "0 of 50 rows were in it after -1 s of the processors"}


def test_another_run_of_one_benchmark_keeps_the_others(entries, reports):
    main(["mining", "--quick", "--reports", str(reports)])
    again = json.loads((reports / "benchmarks.json").read_text())
    assert again.keys() == entries.keys()
    assert again["evaluation"] == entries["evaluation"] and again["mining"] != entries["mining"]


def test_results_that_differ_are_refused():
    assert require_equal("x", [1.0, 2.0], [1.0, 2.5], 0.5) == 0.5
    with pytest.raises(ValueError, match=r"x: ours differs by 0.5 from what is expected; accepted: up to 0.4"):
        require_equal("x", [1.0, 2.0], [1.0, 2.5], 0.4)
    with pytest.raises(ValueError, match="cannot be compared"):
        require_equal("x", [1.0], [np.nan], 1)


def fill(megabytes):
    return int(np.ones(megabytes * 10**6, np.uint8).sum())


def test_a_child_s_memory_is_what_it_took_and_its_error_or_end_is_raised_here():
    trial = in_child(fill, 300)
    assert trial.result == 300 * 10**6
    assert 250 < trial.private_mb < 400
    with pytest.raises(TypeError):
        in_child(fill, None)
    with pytest.raises(ValueError, match=r"_exit.*: its process ended without a result"):
        in_child(os._exit, 1)


CALLS = []


def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    CALLS.append(seconds)
    return CALLS


def test_a_variant_keeps_its_process_and_the_processors_time_is_that_of_the_work():
    ways = {"working": partial(work, 0.3), "sleeping": partial(time.sleep, 0.3)}
    timings = alternate_processes(ways, trials=2)
    assert timings.results == {"working": [0.3, 0.3], "sleeping": None}
    cpu_seconds = timings.of_each("cpu_seconds")
    assert cpu_seconds["working"] == pytest.approx(0.3, abs=0.1) and cpu_seconds["sleeping"] < 0.1
