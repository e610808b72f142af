"""Teachers that their authors published, in the main graph: converted, not trained."""

import hashlib
import json

import pytest
import torch
import yaml

from aml.files.whitening import read_whitening
from aml.networks.stored import load_network
from stages import check, convert
from tests import ROOT
from tests.pretrained import published_files as files


def settings(**changed) -> dict:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["networks"]["lite0"] |= {"backbone": "vgg16", "stages": 30, "frozen_stages": 0} | changed
    values["grid"] |= {"dimensions": [], "trained_teachers": ["lite2"], "published_teachers": ["lite0"]}
    values["checkpoints"] = {"places": ["/somewhere"], "files": {"lite0": {"checkpoint": "x.pth", "whitening": None}}}
    return values


def test_a_published_teacher_is_taken_as_it_is(tmp_path):
    theirs = files.network("vgg16")
    learned = files.save_teacher(tmp_path / "x.pth", theirs, architecture="vgg16", dimension=512)
    name = f"vgg16-{hashlib.sha256((tmp_path / 'x.pth').read_bytes()).hexdigest()[:7]}.pth"
    (tmp_path / "x.pth").rename(tmp_path / name)
    places = {"places": [str(tmp_path)], "files": {"lite0": {"checkpoint": name, "whitening": None}}}
    folders = tmp_path / "originals", tmp_path / "digests.json", tmp_path / "model"
    convert.main("lite0", "lite0", *folders, settings() | {"checkpoints": places})
    network, description = load_network(tmp_path / "model")
    images = torch.randn(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(network(images), theirs(images), rtol=0, atol=1e-5)
    assert description["normalisation"] == {"mean": files.MEAN, "std": files.STD}
    assert description["record"]["checkpoint"]["file"] == name
    assert (read_whitening(tmp_path / "model").projection == learned["P"]).all()
    assert list(json.loads((tmp_path / "digests.json").read_text())) == [name]
    (tmp_path / name).rename(tmp_path / "vgg16-0000000.pth")
    other = {"places": [str(tmp_path)], "files": {"lite0": {"checkpoint": "vgg16-0000000.pth", "whitening": None}}}
    with pytest.raises(ValueError, match=r"expected is 0000000\.\.\. as the file's own name says"):
        convert.main("lite0", "lite0", *folders, settings() | {"checkpoints": other})
    with pytest.raises(ValueError, match=r"has all 30 blocks of vgg16; networks\.lite0\.stages in params\.yaml is 20"):
        convert.main("lite0", "lite0", *folders, settings(stages=20) | {"checkpoints": places})


def test_the_check_knows_what_can_be_published(tmp_path):
    def run(values):
        check.main(tmp_path / "cell.json", tmp_path / "checked.json", values)

    run(settings())
    values = settings()
    values["checkpoints"]["files"] = {}
    with pytest.raises(ValueError, match=r"no 'lite0' in params\.yaml: checkpoints\.files"):
        run(values)
    with pytest.raises(ValueError, match=r"unknown 'lite1' in params\.yaml: networks\.lite0\.backbone, which is"):
        run(settings(backbone="lite1", stages=6))
    for trained in (["lite0", "lite2"], []):
        values = settings()
        values["grid"]["trained_teachers"] = trained
        with pytest.raises(ValueError, match=r"accepted: each of grid.teachers, lite0, lite2, in one of the two"):
            run(values)
    values = settings()
    values["grid"]["train_set"] = None
    with pytest.raises(ValueError, match=r"unknown None in params\.yaml: grid \(training sets\); known: synthsfm"):
        run(values)
