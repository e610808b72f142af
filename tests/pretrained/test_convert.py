"""Published files through the stage `convert`: networks that compute what their authors' do, and what is refused."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from aml.files.whitening import read_whitening
from aml.networks.backbones import channels
from aml.networks.stored import load_network
from aml.pretrained.conversion import convert as convert_files
from stages import convert
from tests.download.local_server import serving
from tests.pretrained import published_files as files


def converted(folder: Path, place: str, checkpoint: str, learned: str | None, backbone: str, **changed):
    """The network that the stage makes of two files at `place`, its description and its whitening."""
    network = {"label": "X", "backbone": backbone, "stages": len(channels(backbone)), "frozen_stages": 0, "gem_p": 3.0}
    names = {"checkpoint": checkpoint, "whitening": learned}
    values = {"networks": {"x": network | changed}}
    values["checkpoints"] = {"places": ["/nowhere", place], "files": {"x": names}}
    convert.main("x", "x", folder / "originals", folder / "digests.json", folder / "model", values)
    return *load_network(folder / "model"), read_whitening(folder / "model")


@pytest.mark.parametrize(
    ("backbone", "options"),
    [
        ("vgg16", {}),
        ("resnet101", {}),
        ("resnet50", {"whitening": True}),
        ("mobilenet_v2", {}),
        ("efficientnet_b3", {"old_timm": False}),
        ("efficientnet_b3", {"old_timm": True}),
    ],
)
def test_a_published_network_computes_what_its_file_says(tmp_path, backbone, options):
    theirs, web = files.network(backbone, **options), tmp_path / "web"
    web.mkdir()
    if backbone in ("mobilenet_v2", "efficientnet_b3"):
        learned = files.save_student(web / "x.pth.tar", theirs, architecture=backbone)
        names = ["x.pth.tar", "x_whitening.pth"]
    else:
        learned = files.save_teacher(web / "x.pth", theirs, architecture=backbone, dimension=channels(backbone)[-1])
        names = ["x.pth", None]
    own_layer = options.get("whitening", False)
    with serving(web) as server:
        ours, description, whitening = converted(tmp_path, server.url, *names, backbone, whitening=own_layer)
    images = torch.randn(2, 3, 64, 80, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = theirs(images)
        assert expected.std(dim=0).max() > 1e-3  # the images are told apart
        torch.testing.assert_close(ours(images), expected, rtol=0, atol=1e-5)
    assert description["normalisation"] == {"mean": files.MEAN, "std": files.STD}
    assert description["record"]["checkpoint"]["file"] == names[0] and ours.pool.p.item() == 2.5
    if own_layer:  # which needs no other whitening; a mean over scales has no power then, as numbers are negative
        learned = {"m": np.zeros((2048, 1)), "P": np.eye(2048)}
        assert description["arguments"]["whitening"] is True and ours.scale_power == 1
    assert (whitening.mean == learned["m"][:, 0]).all() and (whitening.projection == learned["P"]).all()
    noted = json.loads((tmp_path / "digests.json").read_text())
    assert {name: entry["source"] for name, entry in noted.items()} == {
        name: f"{server.url}/{name}" for name in names if name
    }


def test_a_network_of_other_blocks_or_layers_than_params_yaml_says_is_refused(tmp_path):
    files.save_student(tmp_path / "x.pth.tar", files.network("mobilenet_v2"), architecture="mobilenet_v2")
    given = tmp_path, str(tmp_path), "x.pth.tar", "x_whitening.pth", "mobilenet_v2"
    with pytest.raises(
        ValueError, match=r"has all 19 blocks of mobilenet_v2; networks\.x\.stages in params\.yaml is 6"
    ):
        converted(*given, stages=6)
    with pytest.raises(ValueError, match=r"has no whitening layer; networks\.x\.whitening in params\.yaml is true"):
        converted(*given, whitening=True)


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> Path:
    """A student's file and its whitening, to read and not to change."""
    path = tmp_path_factory.mktemp("student") / "student.pth.tar"
    files.save_student(path, files.network("mobilenet_v2"), architecture="mobilenet_v2")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["state_dict"].pop("features.0.3.conv.0.0.weight"), r"1 tensors do not fit .*: expected .*none"),
        (lambda c: c["state_dict"].update({"whiten.weight": torch.ones(1)}), "first whiten.weight: expected none"),
        (
            lambda c: c["state_dict"].update({"features.1.weight": torch.ones(16, 3, 1, 1)}),
            r"1 tensors do not fit .*projection.weight",
        ),
        (lambda c: c["state_dict"]["features.1.weight"].fill_(float("nan")), "holds non-finite values"),
        (lambda c: c["meta"].update(pooling="mac"), "pooling is 'mac'; accepted: gem"),
        (lambda c: c["meta"].update(regional=True), "accepted: gem, none of local_whitening, regional"),
        (lambda c: c["meta"].update(whitening=True), "2 tensors do not fit the network; first whitening.bias"),
        (lambda c: c["meta"].pop("std"), "KeyError: 'std'"),
    ],
)
def test_another_file_is_refused(student, tmp_path, change, message):
    content = torch.load(student, weights_only=False)  # our own, made above
    change(content)
    torch.save(content, tmp_path / "changed.pth.tar")
    with pytest.raises(ValueError, match=message):
        convert_files(tmp_path / "changed.pth.tar", files.whitening_of(student), backbone="mobilenet_v2")


@pytest.mark.parametrize(
    ("backbone", "whitening", "message"),
    [
        ("efficientnet_b3", ..., "is not a published efficientnet_b3 with its whitening: ValueError: .* do not fit"),
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
        convert_files(student, path, backbone=backbone)


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_a_file_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"meta": Malicious()}, tmp_path / "bad.pth.tar")
    (tmp_path / "page.pth.tar").write_text("<html>")
    for name in ("bad", "page"):
        with pytest.raises(ValueError, match="is not a readable file of tensors and arrays"):
            convert_files(tmp_path / f"{name}.pth.tar", None, backbone="mobilenet_v2")
    with pytest.raises(ValueError, match=r"no file .*nowhere"):
        convert_files(tmp_path / "nowhere", None, backbone="mobilenet_v2")
    assert not (tmp_path / "ran").exists()
