"""Answers as one HTML page that needs nothing else."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools.search.finder import Answer, Finder
from tools.search.photo import picture


def page(finder: Finder, answers: list[Answer], *, form: bool = False, problem: str | None = None) -> str:
    """Return the page: the photos with their boxes, and for each the database images that were found. form: with a
    field for another photo; problem: a sentence above it."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("page.html")
    return template.render(finder=finder, answers=answers, form=form, problem=problem, picture=picture)
