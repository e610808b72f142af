"""Which results are out of date, on a hand-made graph."""

import networkx

from tools.tidy import up_to_date

NEEDS = {
    "weights": [],
    "train@a": ["weights"],
    "train@b": ["weights"],
    "evaluate@a": ["train@a"],
    "tables": ["evaluate@a"],
}


def test_what_comes_after_a_changed_stage_is_out_of_date_too():
    graph = networkx.DiGraph(NEEDS)
    assert up_to_date(graph, {"train@a": []}) == {"weights", "train@b"}
    assert up_to_date(graph, {"tables": []}) == set(NEEDS) - {"tables"}
    assert up_to_date(graph, {}) == set(NEEDS)
    assert up_to_date(networkx.DiGraph(), {}) == set()
