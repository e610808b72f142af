"""ImageNet weights that each network of the grid starts from; a published teacher's own model. After this stage,
nothing uses the network.

Reads: the places that params.yaml or the libraries name, and the packages that carry weights. Writes: <weights>/
<network>/imagenet.safetensors, named as the backbone's stages are, of a published teacher its model folder;
<originals>, the files as their libraries publish them, what is there already is only checked; <digests>, JSON: what the
first download of each found, which later ones must equal.
"""

from itertools import chain
from pathlib import Path

from aml.download.fetch import fetch
from aml.files.atomic import replacing_folder, write_json
from aml.networks.stored import IMAGENET, save_tensors
from aml.params.networks import network_settings
from aml.params.pretrained import published_places, weight_places
from aml.params.reading import setting
from aml.pretrained.imagenet import imagenet_state, web_file
from aml.pretrained.teachers import write_teacher
from stages.runtime import run_command


def main(weights: Path, originals: Path, digests: Path, values: dict) -> None:
    networks = [setting(values, f"grid.{kind}", list[str]) for kind in ("teachers", "students")]
    places, published, states = weight_places(values), published_places(values), {}
    originals.mkdir(parents=True, exist_ok=True)
    with replacing_folder(weights) as folder:
        for network in chain(*networks):
            settings = network_settings(values, network)
            name = settings.backbone
            if settings.source == "published":
                write_teacher(
                    folder / network,
                    published[network],
                    backbone=name,
                    stages=settings.stages,
                    originals=originals,
                    digests=digests,
                )
                continue
            states[name] = states.get(name) or imagenet_state(name, original(name, originals, digests, places))
            save_tensors(folder / network / IMAGENET, states[name], {})
    if not digests.exists():
        write_json(digests, {})


def original(name: str, originals: Path, digests: Path, places: dict) -> Path | None:
    """The file with the weights of backbone `name`, fetched where it is not here yet; None for those in a package."""
    file = web_file(name, places.get(name))
    if file is None:
        return None
    fetch(file.places, originals / file.name, digests=digests, sha256_start=file.sha256_start)
    return originals / file.name


if __name__ == "__main__":
    run_command(main)
