import pytest

from tests.fuzz.watch import limited_memory


@pytest.fixture(autouse=True, scope="module")
def little_memory():
    with limited_memory():
        yield
