"""Sections `weights` and `checkpoints`: where the files of networks that others trained come from."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from aml.networks.backbones import known, weights_source
from aml.params.reading import setting

LIBRARIES = ("torchvision", "timm")  # their ImageNet weights are fetched; those of others come inside a package


@dataclass(frozen=True)
class NetworkFiles:
    """File names of one published network."""

    checkpoint: str
    whitening: str | None  # None: inside the checkpoint, as the teachers have it


def network_files(values: dict, key: str) -> tuple[NetworkFiles, list[str]]:
    """Return the files of the network `key` in section `checkpoints`, and the URLs and local folders that may have
    them."""
    files = setting(values, f"checkpoints.files.{key}", NetworkFiles)
    return files, setting(values, "checkpoints.places", list[str])


def weight_places(values: dict) -> dict[str, list[str]]:
    """Return for each backbone that section `weights` names the URLs and local paths of its ImageNet weights.

    Raises ValueError for a name that is not that of a backbone whose weights are fetched, and for two files of one
    name.
    """
    given = setting(values, "weights", dict[str, list[str] | None] | None) or {}
    fetched = [name for name in known() if weights_source(name).partition(":")[0] in LIBRARIES]
    for name in given:
        if name not in fetched:
            raise ValueError(f"unknown {name!r} in params.yaml: weights; known: {', '.join(fetched)}")
    given = {name: places for name, places in given.items() if places}
    names = [PurePosixPath(places[0]).name for places in given.values()]
    if len(set(names)) < len(names):
        raise ValueError(f"params.yaml: weights names two files of one name in {', '.join(names)}; rename one")
    return given
