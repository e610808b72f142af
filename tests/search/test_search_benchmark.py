"""The benchmark of a search: both ways give the same answers, in new processes and in one."""

from benchmarks.search import photo_case
from tests.search.conftest import KEY


def test_both_ways_answer_alike(tiny):
    case = photo_case(
        exported=tiny / f"exported/{KEY}",
        index=tiny / "index/big",
        model=tiny / f"models/{KEY}",
        descriptors=tiny / "descriptors/big",
        photos=tiny / "processed/test",
        found={},
    )
    assert case.difference < 1e-5 and case.what == "2 photos, one by one"
    for seconds in (case.seconds, case.found["first_answer_s"], case.found["milliseconds_a_photo"]):
        assert seconds["ours"] > 0 and seconds["plain"] > 0
    assert case.found["first_answer_s"]["ours"] < case.found["first_answer_s"]["plain"]  # it does not load torch
