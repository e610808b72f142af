import numpy as np
import pytest
from hypothesis import given

from aml.images import FORMATS, check, decode
from tests.datasets.raw_folders import image
from tests.fuzz.inputs import damaged, fuzzed
from tests.fuzz.watch import ends_well
from tests.test_decoding import by_pillow, require_the_authors_pixels

WHOLE = [image(number, file_format=name) for number, name in enumerate(FORMATS)]
WHOLE += [image(7, mode="CMYK"), image(8, mode="L", progressive=True), image(9, mode="P", file_format="PNG")]
JPEGS = [image(number, **options) for number, options in enumerate([{}, {"progressive": True}, {"mode": "L"}])]
JPEGS += [image(4, subsampling=0), image(5, restart_marker_blocks=2), image(6, mode="CMYK")]
pytestmark = pytest.mark.filterwarnings("ignore")


@fuzzed
@given(data=damaged(*WHOLE))
def test_damaged_images(folder, data):
    found = ends_well(lambda: check(data), folder, accepted=())
    assert found.problem or found.width * found.height


@fuzzed
@given(data=damaged(*JPEGS))
def test_damaged_jpegs_have_pillow_s_pixels_or_none_and_are_filled_as_by_the_authors(data):
    np.testing.assert_array_equal(pixels_or_none(decode, data), pixels_or_none(by_pillow, data))
    if check(data).problem:
        require_the_authors_pixels(data)


def pixels_or_none(decode, *arguments):
    try:
        return decode(*arguments)
    except (OSError, ValueError, SyntaxError):
        return np.empty(0)
