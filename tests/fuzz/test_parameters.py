from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aml.params.reading import read_parameters
from stages import check
from tests.fuzz.inputs import altered, damaged, fuzzed
from tests.fuzz.watch import ends_well
from tests.pipeline.conftest import tiny

pytestmark = pytest.mark.filterwarnings("ignore:\\s*found duplicate anchor")
VALUES = tiny(yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text()))
WHOLE = yaml.safe_dump(VALUES, sort_keys=False).encode()
TOKENS = [
    "a", "b: ", "- ", "\n", "  ", "? ", ": ", "[", "]", "{", "}", ", ", "&a ", "*a", "<<: ", "|\n", ">\n", "'", '"',
    "!!int ", "!!float ", "!!bool ", "!!null ", "!!binary ", "!!timestamp ", "!!set ", "!!omap ", "!!pairs ",
    "!!python/name:os ", "!x ", "%YAML 1.1\n", "---\n", "...\n", "#", "0x", "1:30", "1e400", ".nan", "-", "~", "yes",
    "\t", "\0", "é", '"\\u00e9"', "-3e-06", "\x85", "2026-99-99",
]  # fmt: skip
NAMES = st.sampled_from(["lite0", "reg", "synth1k", "a-b", "cuda:x", "train"])
OTHERS = st.sampled_from([10**400, 2**63, [], {}, [1], {"a": 1}, ["reg", "reg"], [None]])
VALUE = st.one_of(st.none(), st.booleans(), st.integers(-3, 300), st.floats(), st.text(max_size=6), NAMES, OTHERS)


def read(folder, data):
    (folder / "params.yaml").write_bytes(data)
    return ends_well(lambda: read_parameters(folder / "params.yaml"), folder)


def checked(folder, values):
    if isinstance(values, dict):
        paths = folder / "cell.json", folder / "checked.json"
        ends_well(lambda: check.main(*paths, values), folder, accepted=(ValueError,))


@fuzzed
@given(words=st.lists(st.sampled_from(TOKENS), max_size=30))
def test_any_sequence_of_tokens(folder, words):
    read(folder, "".join(words).encode())


@fuzzed
@given(data=damaged(WHOLE))
def test_damaged_parameters_pass_the_check_or_fail_it(folder, data):
    checked(folder, read(folder, data))


@fuzzed
@given(values=altered(VALUES, VALUE))
def test_other_values_pass_the_check_or_fail_it(folder, values):
    checked(folder, values)
