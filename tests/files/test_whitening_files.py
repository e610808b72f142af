import numpy as np
import pytest

from aml.files.whitening import Whitening, read_whitening, whitening_sha256, write_whitening
from tests import flipped


@pytest.mark.parametrize("learned", [(), (1e-10, 40.0)])
def test_round_trip_and_equal_bytes(tmp_path, learned):
    whitening = Whitening(np.arange(3.0), np.arange(9.0).reshape(3, 3), *learned)
    assert read_whitening(tmp_path) is None and whitening_sha256(tmp_path) is None
    write_whitening(tmp_path, whitening)
    first, found = whitening_sha256(tmp_path), read_whitening(tmp_path)
    np.testing.assert_array_equal(found.mean, whitening.mean)
    np.testing.assert_array_equal(found.projection, whitening.projection)
    assert (found.regularisation, found.condition_number) == (learned or (None, None))
    write_whitening(tmp_path, whitening)
    assert whitening_sha256(tmp_path) == first and len(list(tmp_path.iterdir())) == 1


def test_a_flipped_bit_anywhere_is_found_or_changes_nothing(tmp_path):
    write_whitening(tmp_path, Whitening(np.arange(3.0), np.eye(3)))
    path, noted = tmp_path / "whitening.npz", whitening_sha256(tmp_path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(flipped(whole, place, 16))
        assert whitening_sha256(tmp_path) != noted
        try:
            found = read_whitening(tmp_path)
            assert found.mean.tolist() == [0, 1, 2] and found.projection.tolist() == np.eye(3).tolist()
        except ValueError as error:
            assert str(path) in str(error)
