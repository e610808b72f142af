"""The libraries' own networks with random weights, and files of them as the libraries publish theirs."""

import torch
from safetensors.torch import save_file

from aml.networks.backbones import weights_source

NAMES = ["vgg16", "resnet101", "mobilenet_v2", "efficientnet_b3", "resnet50", "resnet152", "dinov2_vits14"]


def library_network(name: str, seed: int = 0):
    """The library's whole network, classifier included, BatchNorm statistics that are not trivial."""
    torch.manual_seed(seed)
    if name.startswith("dinov2"):
        network = vit(name, dynamic_img_size=True, dynamic_img_pad=True)
    elif name == "efficientnet_b3":
        import timm

        network = timm.create_model("tf_efficientnet_b3.aa_in1k", pretrained=False)
    else:
        import torchvision

        with torch.device("meta" if name == "vgg16" else "cpu"):  # its classifier would take 500 MB
            network = getattr(torchvision.models, name)(weights=None)
        if name == "vgg16":
            network.features.to_empty(device="cpu").apply(_reset)
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    if norms:  # statistics of noise: with others the signal dies, and all images have one descriptor
        for module in norms:
            module.momentum = 1.0
        with torch.no_grad():
            network.train()(torch.randn(4, 3, 64, 64))
    return network.eval()


def vit(name: str, **options):
    """timm's vision transformer, drawn so that each block, place and class token moves its output."""
    import timm

    network = timm.create_model(weights_source(name).removeprefix("timm:"), pretrained=False, **options)
    for name, parameter in network.named_parameters():
        if name.endswith(("gamma", "pos_embed", "cls_token")):  # they start at 1e-5, or near 0
            torch.nn.init.normal_(parameter)
    return network.eval()


def library_features(name: str, network, images):
    """What the library computes before its pooling, by its own code."""
    with torch.no_grad():
        if name.startswith("dinov2"):
            return network.forward_features(images).transpose(1, 2).unsqueeze(-1)
        if name == "efficientnet_b3":
            return network.forward_features(images)
        if name.startswith("resnet"):
            images = network.maxpool(network.relu(network.bn1(network.conv1(images))))
            return network.layer4(network.layer3(network.layer2(network.layer1(images))))
        features = network.features(images)
        return network.features[:-1](images) if name == "vgg16" else features


def write_weights(name: str, network, path):
    """torch.save for torchvision, as files of 2017 with their order and without counters; safetensors for timm."""
    state = network.state_dict()
    if path.suffix == ".safetensors":
        return save_file(state, path)
    state = {key: tensor for key, tensor in reversed(state.items()) if not key.endswith("num_batches_tracked")}
    state = {key: torch.zeros(1).expand(x.shape) if x.is_meta else x for key, x in state.items()}  # few bytes on disk
    torch.save(state, path)


def _reset(module):
    """As torchvision's VGG starts: by torch's own start the signal dies."""
    if isinstance(module, torch.nn.Conv2d):
        torch.nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        torch.nn.init.zeros_(module.bias)
