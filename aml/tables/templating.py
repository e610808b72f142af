"""Jinja as all templates here want it. Torch-free."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def environment(folder: Path, **syntax) -> Environment:
    """The templates in `folder`: a name without a value stops them, and blocks leave no empty line."""
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        **syntax,
    )
