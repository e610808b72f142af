"""Fetch one published network and write it as a model folder, with the whitening that its authors learned for it.

Reads: the places that params.yaml names. Writes: <originals>, the files as they are (files that are there already are
only checked); <digests>, JSON: what the first download of each found, which later ones must equal; <model>:
model.safetensors, model.json, whitening.npz.
"""

from pathlib import Path

from aml.files.atomic import replacing_folder
from aml.files.whitening import write_whitening
from aml.networks.stored import save_network
from aml.params.networks import network_settings
from aml.params.pretrained import network_files
from aml.pretrained.conversion import convert
from aml.pretrained.files import bring
from stages.runtime import run_command


def main(network: str, key: str, originals: Path, digests: Path, model: Path, values: dict) -> None:
    settings, (files, places) = network_settings(values, network), network_files(values, key)
    names = [files.checkpoint, *([files.whitening] if files.whitening else [])]
    sources = {name: [f"{place.rstrip('/')}/{name}" for place in places] for name in names}
    checkpoint, *others = [bring(name, sources[name], originals, digests=digests) for name in names]
    whitening = others[0] if others else None
    found = convert(checkpoint, whitening, backbone=settings.backbone)
    num_blocks, has_whitening = found.network.arguments["stages"], found.network.whitening is not None
    if num_blocks != settings.stages:
        raise ValueError(
            f"{checkpoint} has all {num_blocks} blocks of {settings.backbone}; networks.{network}.stages in "
            f"params.yaml is {settings.stages}; a published network is taken whole"
        )
    if has_whitening != settings.whitening:
        raise ValueError(
            f"{checkpoint} has {'a' if has_whitening else 'no'} whitening layer; networks.{network}.whitening in "
            f"params.yaml is {str(settings.whitening).lower()}; accepted: {str(has_whitening).lower()}"
        )
    with replacing_folder(model) as folder:
        save_network(folder, found.network, normalisation=found.normalisation, record=found.record)
        write_whitening(folder, found.whitening)


if __name__ == "__main__":
    run_command(main)
