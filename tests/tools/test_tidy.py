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
    assert up_to_date(before, {}) == set(before)
    assert up_to_date(edges("strict digraph {\n}\n"), {}) == set()
