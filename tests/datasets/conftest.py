import pytest

from tests.datasets.raw_folders import image


@pytest.fixture
def revisited_files():
    return {
        "one.tgz": {"paris/b/db_1.jpg": image(1), "paris/a/db_0.JPG": image(0), "paris/readme.txt": b"hello"},
        "two.tgz": {"q_0.jpg": image(3), "deep/er/q_1.jpeg": image(4), "db_2.jpg": image(2, (20, 50)), "x.jpg": b"bad"},
    }
