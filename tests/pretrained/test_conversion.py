"""Published files as networks of ours, against networks put together from the libraries themselves."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from aml.evaluation.whitening import whiten
from aml.extraction.describe import describe_at_scales
from aml.pretrained.conversion import convert
from tests.pretrained import published_files as files

LAYOUTS = [("mobilenet_v2", False), ("efficientnet_b3", False), ("efficientnet_b3", True)]


@pytest.mark.parametrize(("backbone", "old_timm"), LAYOUTS)
def test_a_student_computes_what_its_file_says(tmp_path, backbone, old_timm):
    path = tmp_path / "student.pth.tar"
    theirs = files.network(backbone, old_timm=old_timm)
    assert ("features.7.weight" in theirs.state_dict()) is old_timm
    learned = files.save_student(path, theirs, architecture=backbone)
    published = convert(path, files.whitening_of(path), backbone=backbone)
    assert published.network.dimension == 16 and published.network.pool.p.item() == 2.5
    compare(published, theirs, learned)
    assert published.normalisation == {"mean": files.MEAN, "std": files.STD}


@pytest.mark.parametrize(("backbone", "dimension"), [("vgg16", 512), ("resnet101", 2048)])
def test_a_teacher_computes_what_its_file_says(tmp_path, backbone, dimension):
    path = tmp_path / "teacher.pth"
    theirs = files.network(backbone)
    learned = files.save_teacher(path, theirs, architecture=backbone, dimension=dimension)
    assert b"numpy.core.multiarray" in path.read_bytes()
    published = convert(path, None, backbone=backbone)
    assert published.network.projection is None and published.network.dimension == dimension
    compare(published, theirs, learned)


def test_a_teacher_with_a_whitening_layer_computes_what_its_file_says(tmp_path):
    path, theirs = tmp_path / "teacher.pth", files.network("resnet50", whitening=True)
    files.save_teacher(path, theirs, architecture="resnet50", dimension=2048)
    published = convert(path, None, backbone="resnet50")
    compare(published, theirs)
    assert published.record["whitening"] == "a layer of the network"
    image = torch.randn(1, 3, 75, 96, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        scaled = [torch.nn.functional.interpolate(image, scale_factor=s, mode="bilinear") for s in (0.7, 0.5)]
        expected = sum(theirs(pixels) for pixels in [image, *scaled])  # no power: a third of the numbers is negative
        found = describe_at_scales(published.network, image, [1, 0.7, 0.5])
    assert (expected < 0).float().mean() > 0.3
    torch.testing.assert_close(found, expected / expected.norm(), rtol=0, atol=1e-5)
    # and no second whitening
    np.testing.assert_allclose(whiten(found.numpy(), published.mean, published.projection), found, atol=2e-6)


def compare(published, theirs, learned=None):
    """Whitening is P (x - m), divided by (norm + 1e-6), columns being descriptors."""
    images = torch.randn(2, 3, 64, 80, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = theirs(images)
        assert expected.std(dim=0).max() > 1e-3  # the images are told apart
        torch.testing.assert_close(published.network(images), expected, rtol=0, atol=1e-5)
    if learned is None:
        return
    np.testing.assert_array_equal(published.mean, learned["m"][:, 0])
    np.testing.assert_array_equal(published.projection, learned["P"])
    columns = np.random.default_rng(5).normal(size=(len(learned["m"]), 7))
    whitened = learned["P"] @ (columns - learned["m"])
    whitened /= np.linalg.norm(whitened, axis=0, keepdims=True) + 1e-6
    np.testing.assert_allclose(whiten(columns.T, published.mean, published.projection).T, whitened, atol=1e-6)


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> Path:
    """A student's file and its whitening, to read and not to change."""
    path = tmp_path_factory.mktemp("student") / "student.pth.tar"
    files.save_student(path, files.network("mobilenet_v2"), architecture="mobilenet_v2")
    return path


def changed(student: Path, folder: Path, change) -> Path:
    content = torch.load(student, weights_only=False)  # our own, made above
    change(content)
    torch.save(content, folder / "changed.pth.tar")
    return folder / "changed.pth.tar"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["state_dict"].pop("features.0.3.conv.0.0.weight"), r"1 tensors do not fit .*: expected .*none"),
        (lambda c: c["state_dict"].update({"whiten.weight": torch.ones(1)}), "'whiten.weight' is no tensor of the net"),
        (lambda c: c["state_dict"].update({"pool.p": 3.0}), "AttributeError: 'float' object has no attribute 'item'"),
        (lambda c: c["state_dict"].update({"features.0.19.weight": torch.ones(1)}), "expected none, found"),
        (
            lambda c: c["state_dict"].update({"features.1.weight": torch.ones(16, 3, 1, 1)}),
            r"1 tensors do not fit .*projection.weight",
        ),
        (lambda c: c["state_dict"]["features.1.weight"].fill_(float("nan")), "holds non-finite values"),
        (lambda c: c["state_dict"].pop("pool.p"), "KeyError: 'pool.p'"),
        (lambda c: c["meta"].update(pooling="mac"), "pooling is 'mac'; accepted: gem"),
        (lambda c: c["meta"].update(regional=True), "accepted: gem, none of local_whitening, regional"),
        (lambda c: c["meta"].update(whitening=True), "2 tensors do not fit the network; first whitening.bias"),
        (lambda c: c["meta"].pop("std"), "KeyError: 'std'"),
        (lambda c: c.pop("meta"), "KeyError: 'meta'"),
    ],
)
def test_another_file_is_refused(student, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        convert(changed(student, tmp_path, change), files.whitening_of(student), backbone="mobilenet_v2")


@pytest.mark.parametrize(
    ("backbone", "whitening", "message"),
    [
        ("efficientnet_b3", ..., "none of features.7.weight, features.5.weight is a 1x1 convolution of 1536 channels"),
        ("vgg16", ..., "tensors do not fit the network"),
        ("lite0", ..., "no published network has backbone 'lite0'; known: vgg16"),
        ("mobilenet_v2", files.whitening(8), r"m \(8,\) and P \(8, 8\); expected \(16,\)"),
        ("mobilenet_v2", {"m": np.ones(16)}, "KeyError: 'P'"),
        ("mobilenet_v2", None, "KeyError: 'Lw'"),
    ],
)
def test_another_backbone_or_whitening_is_refused(student, tmp_path, backbone, whitening, message):
    """...: its own."""
    path = files.whitening_of(student) if whitening is ... else None
    if isinstance(whitening, dict):
        torch.save(whitening, path := tmp_path / "w.pth")
    with pytest.raises(ValueError, match=message):
        convert(student, path, backbone=backbone)


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_a_file_runs_nothing(student, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"meta": Malicious()}, tmp_path / "bad.pth.tar")
    (tmp_path / "page.pth.tar").write_text("<html>")
    for name in ("bad", "page"):
        with pytest.raises(ValueError, match="is not a readable file of tensors and arrays"):
            convert(tmp_path / f"{name}.pth.tar", None, backbone="mobilenet_v2")
    with pytest.raises(ValueError, match=r"no file .*nowhere"):
        convert(tmp_path / "nowhere", None, backbone="mobilenet_v2")
    assert not (tmp_path / "ran").exists()
