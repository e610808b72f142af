"""One published network as a model folder: its checkpoint and whitening fetched and brought to our names.

Reads: the places that params.yaml names. Writes: <originals>, the files as they are, what is there already is only
checked; <digests>, JSON: what the first download of each found, which every later one must equal; <model>:
model.safetensors, model.json, whitening.npz.
"""

from pathlib import Path

from aml.files.atomic import replacing_folder
from aml.files.whitening import write_whitening
from aml.networks.stored import save_network
from aml.params.networks import network_settings
from aml.params.pretrained import network_files
from aml.pretrained.conversion import convert
from aml.pretrained.files import bring_network
from stages.runtime import run_command


def main(network: str, key: str, originals: Path, digests: Path, model: Path, values: dict) -> None:
    backbone = network_settings(values, network).backbone
    originals.mkdir(parents=True, exist_ok=True)
    checkpoint, whitening = bring_network(*network_files(values, key), originals, digests=digests)
    found = convert(checkpoint, whitening, backbone=backbone)
    with replacing_folder(model) as folder:
        save_network(folder, found.network, normalisation=found.normalisation, record=found.record)
        write_whitening(folder, found.mean, found.projection)


if __name__ == "__main__":
    run_command(main)
