"""Find photos among the images of a teacher's database, by an exported student, without torch.

    python -m tools.search photo.jpg                 # the cell under study: rank, similarity, set/name
    python -m tools.search *.jpg --page results.html # with pictures, on one page that needs nothing else
    python -m tools.search --serve 8000              # the page on 127.0.0.1, with a field for a photo

`make search` writes what it reads: data/exported/<key>, data/index/<teacher>. A photo is turned as its EXIF says.
"""

import argparse
import json
import sys
from pathlib import Path

from aml.files.atomic import read_json, replacing
from stages.runtime import run
from tools.search.finder import Answer, Finder

CELL = Path("reports/cell.json")
LAST_PORT = 65535


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.search", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, nargs="*")
    parser.add_argument("--model", type=Path, help="an exported student's folder, or one of its .onnx files")
    parser.add_argument("--index", type=Path, help="its teacher's index")
    parser.add_argument(
        "--box", type=float, nargs=4, metavar=("X0", "Y0", "X1", "Y1"), help="box in each photo, pixels"
    )
    parser.add_argument("--top", type=int, default=10, help="how many images to find")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--page", type=Path, help="write an HTML page with the pictures")
    parser.add_argument("--teacher", action="store_true", help="also show what the teacher itself finds; loads torch")
    parser.add_argument("--models", type=Path, default=Path("models"), help="where the teacher's model is")
    parser.add_argument("--images", type=Path, default=Path("data/processed"), help="where pages get pictures from")
    parser.add_argument("--serve", type=int, metavar="PORT", help="serve the page on 127.0.0.1; 0: any free port")
    return parser.parse_args(given)


def main(given: argparse.Namespace) -> None:
    if not given.photos and given.serve is None:
        raise ValueError("no photo; name one or more, or --serve PORT")
    if given.top < 1:
        raise ValueError(f"--top is {given.top}; accepted: 1 or more")
    if given.serve is not None and not 0 <= given.serve <= LAST_PORT:
        raise ValueError(f"--serve is {given.serve}; accepted: a port from 0 to {LAST_PORT}")
    model, index = given.model, given.index
    if model is None or index is None:
        if not CELL.exists():
            raise ValueError(f"no {CELL}; name --model and --index, or run `make search` first")
        cell = read_json(CELL, "key", "teacher")
        model, index = model or Path("data/exported") / cell["key"], index or Path("data/index") / cell["teacher"]
    finder = Finder(model, index, processed=given.images, models=given.models if given.teacher else None)
    answers = [finder.ask(str(photo), photo.read_bytes(), given.box, given.top) for photo in given.photos]
    if answers:
        print(json.dumps(as_json(finder, answers), indent=2) if given.json else as_text(answers))
    if given.page is not None:
        from tools.search.page import page

        with replacing(given.page) as path:
            path.write_text(page(finder, answers), encoding="utf-8")
    if given.serve is not None:
        from tools.search.server import server

        with server(finder, given.serve, given.top) as serving:
            print(f"http://127.0.0.1:{serving.server_port}/ until Ctrl-C", flush=True)
            serving.serve_forever()


def as_text(answers: list[Answer]) -> str:
    """Return a block for each photo: rank, similarity, set/name."""
    blocks = []
    for answer in answers:
        lines = [f"{answer.photo} ({answer.milliseconds:.1f} ms)", *map(_line, answer.results)]
        if answer.teacher_results is not None:
            lines += ["the teacher itself:", *map(_line, answer.teacher_results)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _line(result) -> str:
    return f"{result.rank:4}  {result.similarity:.4f}  {result.set}/{result.name}"


def as_json(finder: Finder, answers: list[Answer]) -> dict:
    """Return the answers in JSON's types."""
    photos = []
    for answer in answers:
        entry = {"photo": answer.photo, "box": answer.box, "milliseconds": answer.milliseconds}
        entry["results"] = [result._asdict() for result in answer.results]
        if answer.teacher_results is not None:
            entry["teacher"] = [result._asdict() for result in answer.teacher_results]
        photos.append(entry)
    return {"model": str(finder.student.path), "index": str(finder.index.folder), "photos": photos}


if __name__ == "__main__":
    sys.argv[0] = "search"  # error messages begin with it
    run(main, arguments(sys.argv[1:]))
