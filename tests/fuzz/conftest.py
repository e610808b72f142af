import pytest

from tests.fuzz.watch import limited_memory


@pytest.fixture(autouse=True)
def little_memory():
    with limited_memory():
        yield
