import numpy as np

from aml.files.whitening import read_whitening, whitening_sha256, write_whitening


def test_round_trip_and_equal_bytes(tmp_path):
    mean, projection = np.arange(3.0), np.arange(9.0).reshape(3, 3)
    assert read_whitening(tmp_path) is None and whitening_sha256(tmp_path) is None
    write_whitening(tmp_path, mean, projection)
    first = whitening_sha256(tmp_path)
    m, P = read_whitening(tmp_path)
    np.testing.assert_array_equal(m, mean)
    np.testing.assert_array_equal(P, projection)
    write_whitening(tmp_path, mean, projection)
    assert whitening_sha256(tmp_path) == first and len(list(tmp_path.iterdir())) == 1


def test_a_flipped_bit_anywhere_is_found_or_changes_nothing(tmp_path):
    write_whitening(tmp_path, np.arange(3.0), np.eye(3))
    path, noted = tmp_path / "whitening.npz", whitening_sha256(tmp_path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        assert whitening_sha256(tmp_path) != noted
        try:
            m, P = read_whitening(tmp_path)
            assert m.tolist() == [0, 1, 2] and P.tolist() == np.eye(3).tolist()
        except ValueError as error:
            assert str(path) in str(error)
