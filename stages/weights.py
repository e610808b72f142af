"""ImageNet weights that each network starts from.

Reads: the packages that carry them. Writes: <weights>/<network>.safetensors, named as the backbone's stages are.
"""

import sys
from pathlib import Path

from safetensors.torch import save

from aml.storage.files import replacing, replacing_folder
from aml.storage.parameters import section, typed
from aml.training.settings import NetworkSettings
from aml.vision.backbones import imagenet_state
from stages.runtime import parameters, run


def main(weights: Path, values: dict) -> None:
    states = {}
    with replacing_folder(weights) as folder:
        for network in section(values, "networks"):
            name = typed(NetworkSettings, section(values, f"networks.{network}"), f"networks.{network}").backbone
            states[name] = states.get(name) or imagenet_state(name)
            with replacing(folder / f"{network}.safetensors") as path:
                path.write_bytes(save({key: tensor.contiguous() for key, tensor in states[name].items()}))


if __name__ == "__main__":
    run(main, Path(sys.argv[1]), parameters())
