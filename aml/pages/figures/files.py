"""Figures as files: SVG, PNG, and a list of their titles and captions."""

from collections.abc import Iterable
from pathlib import Path

from aml.files.atomic import write_json
from aml.pages.figures.style import Picture


def write_pictures(folder: str | Path, pictures: Iterable[Picture]) -> None:
    """<file>.svg and <file>.png of each, and figures.json: file (the SVG), title, caption and part in the order given.
    Equal figures are equal bytes."""
    folder, listed = Path(folder), []
    for picture in pictures:
        picture.figure.savefig(folder / f"{picture.file}.svg", metadata={"Date": None})
        picture.figure.savefig(folder / f"{picture.file}.png", metadata={"Software": None})
        words = {"title": picture.title, "caption": picture.caption, "part": picture.part}
        listed.append({"file": f"{picture.file}.svg", **words})
    write_json(folder / "figures.json", listed)
