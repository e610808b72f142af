import numpy as np
import pytest

from aml.files.descriptors import DescriptorFolder, write_descriptors, write_provenance
from aml.files.whitening import Whitening, database_whitening, whitening_digest, write_whitening
from tests import flipped
from tests.vectors import unit

ROWS = unit(np.random.default_rng(0), 4, 8)


def write(folder, *, dtype="float32", whitening=None):
    pieces = [([2, 0], ROWS[[2, 0]]), ([1, 3], ROWS[[1, 3]])]
    form = {"shape": (4, 8), "digest": "d" * 64, "dtype": dtype, "whitened": whitening is not None}
    arrays = {"a": write_descriptors(folder, "a", pieces, **form)}
    write_provenance(folder, network={}, extraction={"image_size": 96}, whitening=whitening, arrays=arrays)
    return folder


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_round_trip(tmp_path, dtype):
    folder = DescriptorFolder(write(tmp_path, dtype=dtype))
    assert isinstance(folder["a"], np.memmap) and folder["a"].dtype == dtype
    np.testing.assert_array_equal(folder["a"], ROWS.astype(dtype))
    folder.require_list("a", "d" * 64, whitened=False)
    (tmp_path / "a.npy").unlink()
    assert len(folder["a"]) == 4  # it was checked, and is open
    with pytest.raises(ValueError, match="has no 'c'; known: a"):
        folder["c"]


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 3.0])
def test_a_row_that_is_no_unit_vector_or_that_no_piece_holds_is_named(tmp_path, value):
    descriptors, form = ROWS.copy(), {"shape": (4, 8), "digest": "", "dtype": "float32", "whitened": False}
    descriptors[2] = value
    with pytest.raises(ValueError, match="a: row 2 has norm"):
        pieces = [([3, 1], descriptors[[3, 1]]), ([0, 2], descriptors[[0, 2]])]
        write_descriptors(tmp_path, "a", pieces, **form)
    with pytest.raises(AssertionError):
        write_descriptors(tmp_path, "a", [([0], ROWS[:1])], **form)


@pytest.mark.parametrize(
    ("written", "asked", "message"),
    [
        (None, ("e", False), "describes 4 images of list dddddddddddd; expected list eeeeeeeeeeee"),
        (None, ("d", True), r"a\.npy has raw descriptors; accepted: whitened ones"),
        ("w", ("d", False), r"a\.npy has whitened descriptors; accepted: raw ones"),
    ],
)
def test_descriptors_of_another_list_or_kind_are_refused(tmp_path, written, asked, message):
    folder = DescriptorFolder(write(tmp_path, whitening=written))
    with pytest.raises(ValueError, match=message):
        folder.require_list("a", 64 * asked[0], whitened=asked[1])


def test_missing_and_extra_files_are_refused(tmp_path):
    write(tmp_path)
    np.save(tmp_path / "b.npy", ROWS)
    with pytest.raises(ValueError, match=r"but b\.npy is there"):
        DescriptorFolder(tmp_path)
    (tmp_path / "b.npy").unlink()
    (tmp_path / "a.npy").unlink()
    with pytest.raises(ValueError, match=r"but a\.npy is missing"):
        DescriptorFolder(tmp_path)
    path = write(tmp_path) / "provenance.json"
    path.write_text(path.read_text().replace('"whitening"', '"white"'))
    with pytest.raises(ValueError, match=r"is damaged: it is not a JSON object with .*arrays, whitening; run"):
        DescriptorFolder(tmp_path)
    with pytest.raises(ValueError, match=r"provenance\.json is missing"):
        DescriptorFolder(tmp_path / "nowhere")


def test_a_whitening_that_is_missing_or_another_is_refused(tmp_path):
    write_whitening(tmp_path, Whitening(np.zeros(8), np.eye(8)))
    with pytest.raises(ValueError, match=r"names whitening None, but whitening\.npz is [0-9a-f]{64}"):
        database_whitening(DescriptorFolder(write(tmp_path)))
    folder = DescriptorFolder(write(tmp_path, whitening=whitening_digest(tmp_path)))
    np.testing.assert_array_equal(database_whitening(folder).projection, np.eye(8))
    (tmp_path / "whitening.npz").unlink()
    with pytest.raises(ValueError, match=r"but whitening\.npz is missing; `dvc repro` extracts again"):
        database_whitening(folder)


def test_a_flipped_bit_anywhere_is_found_and_named(tmp_path):
    path = write(tmp_path) / "a.npy"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(flipped(whole, place, 4))
        with pytest.raises(ValueError, match=r"`python -m tools\.repair --verify`") as error:
            DescriptorFolder(tmp_path)["a"]
        assert str(error.value).startswith(f"{path} is damaged: ")
