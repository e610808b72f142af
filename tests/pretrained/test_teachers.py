"""A published teacher from its file to the model folder that training would have written, without training."""

import hashlib
import json

import pytest
import torch
import yaml

from aml.files.whitening import read_whitening
from aml.networks.stored import load_network
from aml.pretrained.teachers import write_teacher
from stages import check, train, weights
from tests.pretrained import published_files as files
from tests.stages.test_tables_stage import ROOT


def settings(**changed) -> dict:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["networks"]["lite0"] |= {"backbone": "vgg16", "stages": 30, "frozen_stages": 0, "source": "published"}
    values["networks"]["lite0"] |= changed
    values["grid"]["dimensions"] = []
    values["published"] = {"lite0": ["/somewhere/vgg16.pth"]}
    return values


def run(values: dict, start, model) -> None:
    train.main("lite0", model / "no-training-set", start, model, values, loss="contr", settings="train_teacher")


def test_a_published_teacher_is_taken_over_as_it_is(tmp_path):
    theirs = files.network("vgg16")
    learned = files.save_teacher(tmp_path / "vgg16.pth", theirs, architecture="vgg16", dimension=512)
    start, model = tmp_path / "weights", tmp_path / "model"
    options = {"originals": tmp_path / "originals", "digests": tmp_path / "digests.json"}
    places = [str(tmp_path / "vgg16.pth")]
    write_teacher(start, places, backbone="vgg16", stages=30, **options)
    run(settings(), start, model)
    network, description = load_network(model)
    images = torch.randn(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(network(images), theirs(images), rtol=0, atol=1e-5)
    assert description["normalisation"] == {"mean": files.MEAN, "std": files.STD}
    assert description["record"]["checkpoint"]["file"] == "vgg16.pth"
    assert (read_whitening(model)[1] == learned["P"]).all()
    assert json.loads(options["digests"].read_text()).keys() == {"vgg16.pth"}
    with pytest.raises(ValueError, match=r"has all 30 stages of vgg16; params\.yaml asks for 20, but what is"):
        write_teacher(start, places, backbone="vgg16", stages=20, **options)


def test_the_check_knows_what_can_be_published(tmp_path):
    check.main(tmp_path / "cell.json", tmp_path / "checked.json", settings())
    values = settings()
    values["published"] = {"lite0": []}
    with pytest.raises(ValueError, match=r"lite0\.source is published, but published\.lite0 names no file"):
        check.main(tmp_path / "cell.json", tmp_path / "checked.json", values)
    with pytest.raises(ValueError, match=r"unknown 'lite1' in params\.yaml: networks\.lite0\.backbone, with source"):
        check.main(tmp_path / "cell.json", tmp_path / "checked.json", settings(backbone="lite1", stages=6))
    with pytest.raises(ValueError, match="source is 'web'; accepted: train, published"):
        check.main(tmp_path / "cell.json", tmp_path / "checked.json", settings(source="web"))
    values = settings()
    values["networks"]["lite0_fixed"]["source"] = "published"
    with pytest.raises(ValueError, match=r"unknown 'lite0_fixed' in params\.yaml: grid\.students, with source"):
        check.main(tmp_path / "cell.json", tmp_path / "checked.json", values)
    values = settings()
    values["grid"]["train_set"] = None
    with pytest.raises(ValueError, match=r"unknown None in params\.yaml: grid \(sfm sets\); known: synthsfm"):
        check.main(tmp_path / "cell.json", tmp_path / "checked.json", values)


def test_the_stage_weights_fetches_a_published_teacher(tmp_path):
    files.save_teacher(tmp_path / "x.pth", files.network("vgg16"), architecture="vgg16", dimension=512)
    name = f"vgg16-{hashlib.sha256((tmp_path / 'x.pth').read_bytes()).hexdigest()[:7]}.pth"
    (tmp_path / "x.pth").rename(tmp_path / name)
    values = settings()
    values["published"] = {"lite0": [str(tmp_path / name)]}
    weights.main(tmp_path / "weights", tmp_path / "originals", tmp_path / "digests.json", values)
    run(values, tmp_path / "weights/lite0", tmp_path / "model")
    assert load_network(tmp_path / "model")[1]["record"]["checkpoint"]["file"] == name
    assert list(json.loads((tmp_path / "digests.json").read_text())) == [name]
