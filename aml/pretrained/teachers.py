"""A published teacher as a model folder beside the ImageNet weights, which its training then takes over as it is."""

from pathlib import Path

from aml.files.whitening import write_whitening
from aml.networks.stored import save_network
from aml.pretrained.conversion import convert
from aml.pretrained.files import bring_teacher


def write_teacher(
    folder: Path, places: list[str], *, backbone: str, stages: int, originals: Path, digests: Path
) -> None:
    """Fetch the teacher's file into `originals`, where it isn't there yet, and write the model folder from it.

    places: URLs and local paths, tried in this order. Raises ValueError as `fetch` and `convert` do, and for another
    number of stages than `stages`.
    """
    checkpoint = bring_teacher(places, originals, digests=digests)
    found = convert(checkpoint, None, backbone=backbone)
    theirs = found.network.arguments["stages"]
    if theirs != stages:
        raise ValueError(
            f"{checkpoint} has all {theirs} stages of {backbone}; params.yaml asks for {stages}, but what is published "
            "is taken over whole"
        )
    save_network(folder, found.network, normalisation=found.normalisation, record=found.record)
    write_whitening(folder, found.mean, found.projection)
