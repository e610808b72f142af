"""An exported student's folder: photos of odd shapes, and files that do not belong to it."""

import shutil

import numpy as np
import pytest

from aml.search.student import Student
from stages.export import main as export
from tests.search.conftest import KEY, parameters, write_model
from tests.stages.packed_sets import labels_of


@pytest.fixture
def exported(tiny, tmp_path):
    return shutil.copytree(tiny / f"exported/{KEY}", tmp_path / KEY)


@pytest.mark.parametrize("size", [(1, 1), (1, 32), (32, 1), (2, 3)])
def test_slivers_have_descriptors(tiny, size):
    for name in ("student.onnx", "student-multiscale.onnx", "student-int8.onnx"):
        descriptor = Student(tiny / f"exported/{KEY}/{name}").describe(np.full((*size, 3), 77, np.uint8))
        assert np.linalg.norm(descriptor) == pytest.approx(1, abs=1e-5)


def test_a_sliver_is_filled_by_the_pixels_of_its_end(tiny):
    student = Student(tiny / f"exported/{KEY}")
    student.about["smallest_side"] = 8
    pixels = np.random.default_rng(0).integers(0, 256, (20, 3, 3), dtype=np.uint8)
    filled = np.concatenate([pixels, *[pixels[:, -1:]] * 5], axis=1)
    np.testing.assert_array_equal(student.describe(pixels), student.describe(filled))


def test_the_file_of_another_student_is_refused(tiny, exported, tmp_path):
    processed = tiny / "processed"
    inputs = tiny / "descriptors/big", processed, labels_of(processed)
    model = write_model(tmp_path / "models/other", seed=9)
    export(model, *inputs, tmp_path / "exported", tmp_path / "record.json", parameters())
    shutil.copyfile(tmp_path / "exported/student.onnx", exported / "student.onnx")
    with pytest.raises(ValueError, match=rf"student.onnx is damaged: it is not the file of {KEY} that"):
        Student(exported)


@pytest.mark.parametrize("name", ["model.json", "student.onnx"])
def test_a_folder_that_lacks_a_file_is_no_exported_student(exported, name):
    path = exported / "student-int8.onnx"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"student-int8.onnx is damaged"):
        Student(path)
    (exported / name).unlink()
    with pytest.raises(ValueError, match=rf"is no exported student: there is no .*{name}; `make search` writes one"):
        Student(exported)
