"""What params.yaml says about published networks; read without torch."""

from dataclasses import dataclass

from aml.params.reading import of_type, section, typed


@dataclass(frozen=True)
class NetworkFiles:
    """File names of one published network."""

    checkpoint: str
    whitening: str | None  # None: inside the checkpoint, as the teachers have it


def network_files(values: dict, key: str) -> tuple[NetworkFiles, list[str]]:
    """Section `checkpoints`: the files of the network `key`, and the places of all, URLs and local folders."""
    place = f"checkpoints.files.{key}"
    names = typed(NetworkFiles, section(values, place), place)
    return names, of_type(list[str], section(values, "checkpoints.places"), "checkpoints.places")


def published_places(values: dict) -> dict[str, list[str]]:
    """Section `published`: teacher -> URLs and local paths of its file, tried in this order.

    Raises ValueError for a name that is no network and for a place that isn't text.
    """
    given = of_type(dict | None, section(values, "published"), "published") or {}
    known = of_type(dict, section(values, "networks"), "networks")
    for name in given:
        if name not in known:
            raise ValueError(f"unknown {name!r} in params.yaml: published; known: {', '.join(known)}")
    return {name: of_type(list[str], places, f"published.{name}") for name, places in given.items()}
