"""Which results are out of date, on hand-made graphs."""

from tools.tidy import edges, up_to_date

DOT = """strict digraph  {
"weights";
"train@a";
"train@b";
"evaluate@a";
"tables";
"weights" -> "train@a";
"weights" -> "train@b";
"train@a" -> "evaluate@a";
"evaluate@a" -> "tables";
}
"""


def test_what_comes_after_a_changed_stage_is_out_of_date_too():
    before = edges(DOT)
    assert before["train@b"] == ["weights"] and before["weights"] == []
    assert up_to_date(before, {"train@a": []}) == {"weights", "train@b"}
    assert up_to_date(before, {"tables": []}) == set(before) - {"tables"}


def test_without_changes_everything_is_up_to_date():
    assert up_to_date(edges(DOT), {}) == set(edges(DOT))


def test_an_empty_graph_has_no_stages():
    assert up_to_date(edges("strict digraph {\n}\n"), {}) == set()
