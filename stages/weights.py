"""Write the ImageNet weights that each network of the grid starts from.

Reads: the places that params.yaml or the libraries name, and the packages that carry weights. Writes: <weights>/
<network>/imagenet.safetensors, named as the backbone's blocks are; <originals>, the files as their libraries publish
them (files that are there already are only checked); <digests>, JSON: what the first download of each found, which
later ones must equal.
"""

from pathlib import Path

from aml.files.atomic import replacing_folder, write_json
from aml.networks.stored import IMAGENET, save_tensors
from aml.params.networks import network_settings
from aml.params.pretrained import weight_places
from aml.params.reading import setting
from aml.pretrained.files import bring
from aml.pretrained.imagenet import imagenet_state, web_file
from stages.runtime import run_command


def main(weights: Path, originals: Path, digests: Path, values: dict) -> None:
    teachers, students = (setting(values, f"grid.{kind}", list[str]) for kind in ("trained_teachers", "students"))
    places, states = weight_places(values), {}
    originals.mkdir(parents=True, exist_ok=True)
    with replacing_folder(weights) as folder:
        for network in (*teachers, *students):
            name = network_settings(values, network).backbone
            if name not in states:
                file = web_file(name, places.get(name))  # None for weights in a package
                states[name] = imagenet_state(name, file and bring(*file, originals, digests=digests))
            save_tensors(folder / network / IMAGENET, states[name])
    if not digests.exists():
        write_json(digests, {})


if __name__ == "__main__":
    run_command(main)
