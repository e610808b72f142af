"""A published teacher as the starting weights of its network, which training then takes over as they are."""

from pathlib import Path

from aml.published.conversion import convert
from aml.published.files import bring_teacher
from aml.vision.finished import write_finished


def write_teacher(path: Path, places: list[str], *, backbone: str, originals: Path, digests: Path) -> None:
    """Fetch the teacher's file into `originals`, where it isn't there yet, and write `path` from it.

    places: URLs and local paths, tried in this order. Raises ValueError as `fetch` and `convert` do.
    """
    checkpoint = bring_teacher(places, originals, digests=digests)
    found = convert(checkpoint, None, backbone=backbone)
    write_finished(
        path,
        found.network,
        normalisation=found.normalisation,
        mean=found.mean,
        projection=found.projection,
        record=found.record,
    )
