"""Answers as one HTML page that needs nothing else."""

from pathlib import Path

from jinja2 import StrictUndefined, Template

from tools.search.finder import Answer, Finder
from tools.search.photo import picture

TEMPLATE = Path(__file__).with_name("page.html")


def page(finder: Finder, answers: list[Answer], *, form: bool = False, problem: str | None = None) -> str:
    """Return the page: the photos with their boxes, and for each the database images that were found. form: with a
    field for another photo; problem: a sentence above it."""
    text = TEMPLATE.read_text(encoding="utf-8")
    template = Template(text, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return template.render(finder=finder, answers=answers, form=form, problem=problem, picture=picture)
