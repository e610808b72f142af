import warnings

import pytest
from hypothesis import given

from aml.datasets.decoding import FORMATS, decode
from tests.datasets.raw_folders import image
from tests.fuzz.inputs import damaged, fuzzed
from tests.fuzz.watch import ends_well

WHOLE = [image(number, file_format=name) for number, name in enumerate(FORMATS)]
WHOLE += [image(7, mode="CMYK"), image(8, mode="L", progressive=True), image(9, mode="P", file_format="PNG")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("images")


@fuzzed
@given(data=damaged(*WHOLE))
def test_damaged_images(folder, data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = ends_well(lambda: decode(data), folder, accepted=())
    assert found.problem or found.width * found.height
