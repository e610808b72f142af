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
    shown = [
        {
            "photo": answer.photo,
            "picture": picture(answer.pixels, answer.box),
            "milliseconds": answer.milliseconds,
            "rows": [
                (title, [(result, _picture(finder, result)) for result in results])
                for title, results in (("", answer.results), ("The teacher itself", answer.teacher_results))
                if results is not None
            ],
        }
        for answer in answers
    ]
    about = finder.student.about
    return environment.get_template("page.html").render(
        answers=shown, form=form, problem=problem, model=finder.student.path.name, key=about["key"],
        teacher=about["teacher"]["key"], images=len(finder.index.images),
    )  # fmt: skip


def _picture(finder: Finder, result) -> str | None:
    pixels = finder.pixels(result)
    return None if pixels is None else picture(pixels)
