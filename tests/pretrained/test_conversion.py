"""Published files as networks of ours: one as its authors' own network, and what is refused. Others: test_stages."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from aml.evaluation.whitening import whiten
from aml.pretrained.conversion import convert
from tests.pretrained import published_files as files


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> Path:
    """A student's file and its whitening, to read and not to change."""
    path = tmp_path_factory.mktemp("student") / "student.pth.tar"
    files.save_student(path, files.network("mobilenet_v2"), architecture="mobilenet_v2")
    return path


def test_a_student_computes_what_its_file_says(student):
    """Whitening is P (x - m), divided by (norm + 1e-6), columns being descriptors."""
    published = convert(student, files.whitening_of(student), backbone="mobilenet_v2")
    assert published.network.dimension == 16 and published.network.pool.p.item() == 2.5
    assert published.normalisation == {"mean": files.MEAN, "std": files.STD}
    images = torch.randn(2, 3, 64, 80, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = files.network("mobilenet_v2")(images)
        assert expected.std(dim=0).max() > 1e-3  # the images are told apart
        torch.testing.assert_close(published.network(images), expected, rtol=0, atol=1e-5)
    learned, whitening = files.whitening(16), published.whitening
    columns = np.random.default_rng(5).normal(size=(16, 7))
    whitened = learned["P"] @ (columns - learned["m"])
    whitened /= np.linalg.norm(whitened, axis=0, keepdims=True) + 1e-6
    np.testing.assert_allclose(whiten(columns.T, whitening.mean, whitening.projection).T, whitened, atol=1e-6)


def changed(student: Path, folder: Path, change) -> Path:
    content = torch.load(student, weights_only=False)  # our own, made above
    change(content)
    torch.save(content, folder / "changed.pth.tar")
    return folder / "changed.pth.tar"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["state_dict"].pop("features.0.3.conv.0.0.weight"), r"1 tensors do not fit .*: expected .*none"),
        (lambda c: c["state_dict"].update({"whiten.weight": torch.ones(1)}), "'whiten.weight' is not a tensor"),
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
        ("efficientnet_b3", ..., "is not a published efficientnet_b3 with its whitening: ValueError: .* do not fit"),
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
