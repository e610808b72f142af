"""Teachers that their authors published, in the main graph: converted, not trained."""

import hashlib
import json
import re

import numpy as np
import pytest
import torch
import yaml

from aml.extraction.describe import describe_at_scales
from aml.files.whitening import read_whitening
from aml.networks.stored import load_network
from aml.params.pretrained import network_files
from aml.params.reading import read_parameters
from stages import check, convert
from tests import ROOT, set_at
from tests.pretrained import published_files as files


def settings(**changed) -> dict:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["networks"]["lite0"] |= {"backbone": "vgg16", "stages": 30, "frozen_stages": 0} | changed
    values["grid"] |= {"dimensions": [], "trained_teachers": ["lite2"], "published_teachers": ["lite0"]}
    values["checkpoints"] = {"places": ["/somewhere"], "files": {"lite0": {"checkpoint": "x.pth", "whitening": None}}}
    return values


def converted(folder, checkpoint, **changed):
    """The model that the stage writes of a file in `folder`, its description and its whitening."""
    places = {"places": [str(folder)], "files": {"lite0": {"checkpoint": checkpoint, "whitening": None}}}
    values, model = settings(**changed) | {"checkpoints": places}, folder / "model"
    convert.main("lite0", "lite0", folder / "originals", folder / "digests.json", model, values)
    return *load_network(model), read_whitening(model)


def test_a_published_teacher_is_taken_as_it_is(tmp_path):
    theirs = files.network("vgg16")
    learned = files.save_teacher(tmp_path / "x.pth", theirs, architecture="vgg16", dimension=512)
    name = f"vgg16-{hashlib.sha256((tmp_path / 'x.pth').read_bytes()).hexdigest()[:7]}.pth"
    (tmp_path / "x.pth").rename(tmp_path / name)
    network, description, whitening = converted(tmp_path, name)
    images = torch.randn(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(network(images), theirs(images), rtol=0, atol=1e-5)
    assert description["normalisation"] == {"mean": files.MEAN, "std": files.STD}
    assert description["record"]["checkpoint"]["file"] == name
    assert (whitening.projection == learned["P"]).all()
    assert list(json.loads((tmp_path / "digests.json").read_text())) == [name]
    (tmp_path / name).rename(tmp_path / "vgg16-0000000.pth")
    with pytest.raises(ValueError, match=r"expected is 0000000\.\.\. as the file's own name says"):
        converted(tmp_path, "vgg16-0000000.pth")
    with pytest.raises(ValueError, match=r"has all 30 blocks of vgg16; networks\.lite0\.stages in params\.yaml is 20"):
        converted(tmp_path, name, stages=20)


def test_a_published_teacher_with_a_whitening_layer_needs_no_other_whitening(tmp_path):
    theirs = files.network("resnet50", whitening=True)
    files.save_teacher(tmp_path / "x.pth", theirs, architecture="resnet50", dimension=2048)
    network = {"backbone": "resnet50", "stages": 8}
    loaded, description, whitening = converted(tmp_path, "x.pth", **network, whitening=True)
    image = torch.randn(1, 3, 75, 96, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        torch.testing.assert_close(loaded(image), theirs(image), rtol=0, atol=1e-5)
        scaled = [torch.nn.functional.interpolate(image, scale_factor=s, mode="bilinear") for s in (0.7, 0.5)]
        expected = sum(theirs(pixels) for pixels in [image, *scaled])  # no power: a third of the numbers is negative
        found = describe_at_scales(loaded, image, [1, 0.7, 0.5])
    torch.testing.assert_close(found, expected / expected.norm(), rtol=0, atol=1e-5)
    assert (expected < 0).float().mean() > 0.3
    assert description["arguments"]["whitening"] is True and description["dimension"] == 2048
    assert (whitening.projection == np.eye(2048)).all() and (whitening.mean == 0).all()
    with pytest.raises(ValueError, match=r"has a whitening layer; networks\.lite0\.whitening in params\.yaml is false"):
        converted(tmp_path, "x.pth", **network)


def test_each_further_teacher_can_be_named_in_the_paper_s_setting(tmp_path):
    values = read_parameters(ROOT / "params.paper.yaml")
    further = [name for name, network in values["networks"].items() if "whitening" in network]
    assert len(further) == 6
    for name in further:
        values["grid"] |= {"teachers": [name], "published_teachers": [name], "dimensions": [2048]}
        check.main(tmp_path / "cell.json", tmp_path / "checked.json", values | {"teacher": name})
        backbone, _, data = name.split("_")
        data = {"sfm": "rSfM120k", "gl18": "gl18"}[data]
        file = network_files(values, name)[0].checkpoint
        assert re.fullmatch(rf"{data}-tl-{backbone}-gem-w-[0-9a-f]{{7}}\.pth", file)


def test_the_check_knows_what_can_be_published(tmp_path):
    paths = tmp_path / "cell.json", tmp_path / "checked.json"
    check.main(*paths, settings())
    for values, name, value, message in (
        (settings(), "checkpoints.files", {}, r"no 'lite0' in params\.yaml: checkpoints\.files"),
        (settings(stages=6), "networks.lite0.backbone", "lite1", "unknown 'lite1' in .*networks.lite0.backbone, which"),
        (settings(), "grid.trained_teachers", ["lite0", "lite2"], "each of grid.teachers, lite0, lite2, in one of the"),
        (settings(), "grid.train_set", None, r"unknown None in params\.yaml: grid \(training sets\); known: synthsfm"),
    ):
        with pytest.raises(ValueError, match=message):
            check.main(*paths, set_at(values, name, value))
