"""ImageNet weights, from the libraries' files to the stages of a network, over a local server."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from aml.networks.backbones import backbone
from aml.pretrained.imagenet import imagenet_state, web_file
from stages import weights
from tests.download.local_server import serving
from tests.networks.library_weights import NAMES, library_features, library_network, write_weights


def test_the_addresses_are_the_libraries_own():
    address = "https://download.pytorch.org/models/vgg16-397923af.pth"
    assert web_file("vgg16", None) == ("vgg16-397923af.pth", [address])
    address = "https://huggingface.co/timm/tf_efficientnet_b3.aa_in1k/resolve/main/model.safetensors"
    assert web_file("efficientnet_b3", None) == ("tf_efficientnet_b3.aa_in1k.safetensors", [address])
    assert web_file("lite0", None) is None
    # a copy is called as its owner calls it
    assert web_file("vgg16", ["/mine/x.pth", "http://y/z.pth"]) == ("x.pth", ["/mine/x.pth", "http://y/z.pth"])


@pytest.mark.parametrize("name", NAMES)
def test_blocks_equal_the_libraries_features(tmp_path, name):
    network = library_network(name)
    path = tmp_path / web_file(name, None)[0]
    write_weights(name, network, path)
    blocks = nn.Sequential(*backbone(name).blocks()).eval()
    blocks.load_state_dict(imagenet_state(name, path))
    images = torch.randn(1, 3, 75, 96)  # an odd side: padding depends on it
    with torch.no_grad():
        assert torch.equal(blocks(images), library_features(name, network, images))


def test_files_that_do_not_fit_are_refused(tmp_path):
    state = library_network("mobilenet_v2").state_dict()
    del state["features.18.1.bias"]
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"x.pth: 1 tensors .* first 18.1.bias: expected \(1280,\), found none"):
        imagenet_state("mobilenet_v2", tmp_path / "x.pth")
    (tmp_path / "x.safetensors").write_bytes(b"PK\3\4 no zip")
    with pytest.raises(ValueError, match=r"x.safetensors is not a readable file of tensors and arrays: ."):
        imagenet_state("efficientnet_b3", tmp_path / "x.safetensors")


def run(tmp_path, place):
    network = {"label": "x", "stages": 1, "frozen_stages": 0, "gem_p": 3}
    backbones = {"big": "lite0", "small": "mobilenet_v2", "smaller": "mobilenet_v2", "in no grid": "vgg16"}
    values = {
        "grid": {"trained_teachers": ["big"], "students": ["small", "smaller"]},
        "networks": {name: network | {"backbone": backbone} for name, backbone in backbones.items()},
        "weights": {"mobilenet_v2": [place]},
    }
    weights.main(tmp_path / "weights", tmp_path / "originals", tmp_path / "digests.json", values)


def test_the_stage_fetches_once_and_names_by_network(tmp_path):
    """MobileNetV2's weights from a server, under a name with the digits of their digest."""
    folder, network = tmp_path / "upstream", library_network("mobilenet_v2")
    folder.mkdir()
    write_weights("mobilenet_v2", network, folder / "w.pth")
    digits = hashlib.sha256((folder / "w.pth").read_bytes()).hexdigest()[:8]
    name = f"mine-{digits}.pth"
    (folder / "w.pth").rename(folder / name)
    with serving(folder) as server:
        for _ in range(2):  # the second finds the original in place
            run(tmp_path, f"{server.url}/{name}")
        assert server.asked == [f"/{name}"]
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == ["big", "small", "smaller"]
    state = load_file(tmp_path / "weights" / "small" / "imagenet.safetensors")
    assert torch.equal(state["18.0.weight"], network.features[18][0].weight)
    assert list(json.loads((tmp_path / "digests.json").read_text())) == [name]

    (folder / name).write_bytes(b"other weights")
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match=rf"expected is {digits}... as the file's own name says"):
        run(tmp_path / "other", str(folder / name))
    assert not (tmp_path / "other/weights").exists()
