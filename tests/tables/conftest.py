import copy

import pytest

from tests.tables.paper_records import printed_records

RECORDS = printed_records()


@pytest.fixture
def records() -> dict[str, dict]:
    """The records that hold the printed values, to change."""
    return copy.deepcopy(RECORDS)
