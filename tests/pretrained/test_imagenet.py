"""ImageNet weights, from the libraries' files to the stages of a network, over a local server."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from aml.networks.backbones import backbone_blocks
from aml.pretrained.imagenet import imagenet_state, web_file
from stages import weights
from tests.download.local_server import serving
from tests.networks.library_weights import NAMES, library_features, library_network, write_weights


def test_the_addresses_are_the_libraries_own():
    addresses = {name: web_file(name, None) for name in NAMES}
    torch_hub = "https://download.pytorch.org/models/"
    assert addresses["vgg16"] == ("vgg16-397923af.pth", [f"{torch_hub}vgg16-397923af.pth"])
    assert addresses["resnet101"][1] == [f"{torch_hub}resnet101-63fe2227.pth"]
    assert addresses["resnet50"][1] == [f"{torch_hub}resnet50-0676ba61.pth"]
    assert addresses["resnet152"][1] == [f"{torch_hub}resnet152-394f9c45.pth"]
    assert addresses["mobilenet_v2"][1] == [f"{torch_hub}mobilenet_v2-b0353104.pth"]
    assert addresses["efficientnet_b3"] == (
        "tf_efficientnet_b3.aa_in1k.safetensors",
        ["https://huggingface.co/timm/tf_efficientnet_b3.aa_in1k/resolve/main/model.safetensors"],
    )
    for name, size in {"dinov2_vits14": "small", "dinov2_vitb14": "base"}.items():
        tag = f"vit_{size}_patch14_dinov2.lvd142m"
        address = f"https://huggingface.co/timm/{tag}/resolve/main/model.safetensors"
        assert web_file(name, None) == (f"{tag}.safetensors", [address])
    assert web_file("lite0", None) is None
    # a copy is called as its owner calls it
    assert web_file("vgg16", ["/mine/x.pth", "http://y/z.pth"]) == ("x.pth", ["/mine/x.pth", "http://y/z.pth"])


@pytest.mark.parametrize(("name", "channels"), list(zip(NAMES, (512, 2048, 1280, 1536, 2048, 2048, 384), strict=True)))
def test_trunks_equal_the_libraries_features(tmp_path, name, channels):
    network = library_network(name)
    path = tmp_path / web_file(name, None)[0]
    write_weights(name, network, path)
    trunk = nn.Sequential(*backbone_blocks(name)[0]).eval()
    trunk.load_state_dict(imagenet_state(name, path))
    images = torch.randn(1, 3, 75, 96)  # an odd side: padding depends on it
    with torch.no_grad():
        found = trunk(images)
    assert found.shape[1] == channels and torch.equal(found, library_features(name, network, images))


def test_files_that_do_not_fit_are_refused(tmp_path):
    """And no code in one is run."""

    class Hostile:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    path = tmp_path / web_file("mobilenet_v2", None)[0]
    state = library_network("mobilenet_v2").state_dict()
    for changed, message in (
        (
            {"features.0.0.weight": torch.zeros(32, 3, 5, 5)},
            r"\(32, 3, 5, 5\) for 0.0.weight; expected \(32, 3, 3, 3\)",
        ),
        ({"features.18.1.bias": None}, r"mobilenet_v2-b0353104.pth: nothing for 18.1.bias; expected \(1280,\)"),
        ({"features.0.0.weight": Hostile()}, r"b0353104.pth is no file of weights: Weights only load failed"),
    ):
        torch.save({key: x for key, x in (state | changed).items() if x is not None}, path)
        with pytest.raises(ValueError, match=message):
            imagenet_state("mobilenet_v2", path)
    for backbone, name in (("mobilenet_v2", path.name), ("efficientnet_b3", "x.safetensors")):
        (tmp_path / name).write_bytes(b"PK\3\4 no zip")
        with pytest.raises(ValueError, match=rf"{name} is no file of weights: ."):
            imagenet_state(backbone, tmp_path / name)
    assert not (tmp_path / "written").exists()


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
        assert server.asked == [("GET", f"/{name}")]
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == ["big", "small", "smaller"]
    state = load_file(tmp_path / "weights" / "small" / "imagenet.safetensors")
    assert torch.equal(state["18.0.weight"], network.features[18][0].weight)
    assert list(json.loads((tmp_path / "digests.json").read_text())) == [name]

    (folder / name).write_bytes(b"other weights")
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match=rf"expected is {digits}... as the file's own name says"):
        run(tmp_path / "other", str(folder / name))
    assert not (tmp_path / "other/weights").exists()
