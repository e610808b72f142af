"""Which queries are shown, what is right in their lists, and the picture."""

import numpy as np
import pytest
from PIL import Image

from aml.pages.contact_sheet import FRAME, FRAMES, SIDE
from aml.pages.ranked_lists import chosen, judged, picture

GAINS = {"a": 0.0, "b": 5.0, "c": -7.0, "d": 5.0, "e": -7.0, "f": 1.0, "g": 2.0}


@pytest.mark.parametrize("queries", ["", "a", "ab", "abc", "abcdefg"])
def test_the_extremes_and_three_others_are_chosen(queries):
    gains = {query: GAINS[query] for query in queries}
    roles = chosen(gains, seed=0)
    shown = ["best gain", "worst gain", "random 1", "random 2", "random 3"][: len(queries)]
    assert list(roles) == shown and set(roles.values()) <= set(gains) and chosen(gains, seed=0) == roles
    assert len(set(roles.values())) == len(shown)
    if len(queries) == 7:
        assert (roles["best gain"], roles["worst gain"]) == ("b", "c")
        assert len({tuple(chosen(gains, seed=seed).values()) for seed in range(5)}) > 1


def test_junk_has_no_rank():
    labels = {"easy": np.array([3]), "hard": np.array([0, 8]), "junk": np.array([5, 1])}
    assert judged([5, 3, 9, 1, 0], labels) == [
        ("junk", "junk"), ("easy", "1 easy"), ("wrong", "2 wrong"), ("junk", "junk"), ("hard", "3 hard"),
    ]  # fmt: skip
    assert judged([], labels) == []


def test_frames_have_the_colours_of_their_kinds():
    """Two lists of white pictures of any shape: the frames are their only colours."""
    kinds = ["easy", "hard", "junk", "wrong"]

    def ranked(order):
        return "label", [(kind, Image.new("RGB", (SIDE, 60), "white"), "text") for kind in order]

    sheet = np.asarray(picture(Image.new("RGB", (50, SIDE), "white"), [ranked(kinds), ranked(kinds[::-1][:3])]))
    for row, order in enumerate((kinds, kinds[::-1][:3])):
        half = sheet[row * len(sheet) // 2 : (row + 1) * len(sheet) // 2]
        lefts = {}
        for kind in kinds:
            colour = [int(FRAMES[kind][i : i + 2], 16) for i in (1, 3, 5)]
            columns = np.flatnonzero((half == colour).all(axis=2).sum(axis=0) >= 60)
            assert len(columns) == (2 * FRAME if kind in order else 0)  # the upright sides
            lefts |= {kind: columns[0]} if kind in order else {}
        assert sorted(lefts, key=lefts.get) == order
