"""What the readers of files from the web are given: valid files with damage, and nests of plain data.

Sixty inputs a test, the same ones at each run; FUZZ_INPUTS=10000 tries so many, other ones each time
(`--hypothesis-seed` repeats a run).
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

NUM_INPUTS = int(os.environ.get("FUZZ_INPUTS", "0"))
fuzzed = settings(
    max_examples=NUM_INPUTS or 60,
    derandomize=not NUM_INPUTS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

PLACES = st.integers(0, 2**16)  # taken modulo the length
LENGTHS = st.one_of(st.integers(0, 2), st.integers(0, 600), st.just(2**16))


def damaged(*whole: bytes) -> st.SearchStrategy[bytes]:
    """One of the files, parts of which are replaced: by a few bytes or none, or by a part of one of them."""
    news = st.one_of(st.binary(max_size=12), st.tuples(st.sampled_from(whole), PLACES))
    edits = st.lists(st.tuples(PLACES, LENGTHS, news), min_size=1, max_size=4)
    return st.builds(_edited, st.sampled_from(whole), edits)


def _edited(data: bytes, edits: list[tuple]) -> bytes:
    for place, length, new in edits:
        at = place % max(1, len(data))
        if isinstance(new, tuple):
            other, start = new
            new = other[start % max(1, len(other)) :][: 10 * length]
        data = data[:at] + new + data[at + length :]
    return data


NUMBERS = st.one_of(st.integers(-3, 300), st.sampled_from([2**31, 2**63, -(2**63), 2**64, 10**400]), st.floats())
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8), st.binary(max_size=8)),
    lambda parts: st.one_of(
        st.lists(parts, max_size=4),
        st.dictionaries(st.text(max_size=4), parts, max_size=4),
        st.lists(parts, max_size=3).map(tuple),
    ),
    max_leaves=8,
)


@st.composite
def altered(draw, value, parts=PLAIN):
    """`value`, nested dicts and lists, with one or a few of its parts replaced, removed or added."""
    for _ in range(draw(st.integers(1, 3))):
        value = _altered(draw, value, parts)
    return value


def _altered(draw, value, parts):
    goes_down = isinstance(value, dict | list) and len(value) and draw(st.integers(0, 3))
    if not goes_down:
        return draw(parts)
    key = draw(st.sampled_from(list(value))) if isinstance(value, dict) else draw(st.integers(0, len(value) - 1))
    value = value.copy()
    match draw(st.sampled_from(["inside", "inside", "inside", "gone", "added"])):
        case "inside":
            value[key] = _altered(draw, value[key], parts)
        case "gone":
            del value[key]
        case "added" if isinstance(value, dict):
            value[draw(st.text(max_size=6))] = draw(parts)
        case "added":
            value.insert(key, draw(parts))
    return value
