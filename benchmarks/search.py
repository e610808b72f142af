"""Time a search by the student under study in its teacher's index, after `make search`, against PyTorch and NumPy.

Both ways answer a test set's query photos, whole: the first in a new process, from its start to the printed answer,
then all, one by one, from bytes to the TOP nearest images. `plain` loads the student itself and its teacher's stored
descriptors. Then every kind of index of these descriptors, as in `benchmarks.indexes`.
"""

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
from PIL import Image

from aml.complexity.costs import read_csv
from aml.files.evaluated_lists import testing_sets
from aml.files.image_sets import read_queries
from aml.params.reading import read_parameters, setting
from aml.params.search import IndexSettings
from aml.search.database import TeacherDatabase
from benchmarks.indexes import compare, nearest
from benchmarks.measure import ROOT, CannotRunError, Case, Options, alternate, alternate_processes, require_equal

TOP, PHOTOS, TRIALS = 10, 100, 5
FIRST_SECONDS, MILLISECONDS = 1.5, 50  # that are wanted
TOLERANCE = 1e-4  # of a similarity


def run(options: Options) -> list[Case]:
    if options.quick:
        raise CannotRunError("with --quick, only indexes searches, among drawn rows")
    cell = json.loads((ROOT / "reports/cell.json").read_text())
    folders = {"exported": ROOT / "data/exported" / cell["key"], "index": ROOT / "data/index" / cell["teacher"]}
    for folder in folders.values():
        if not folder.exists():
            raise CannotRunError(f"no {folder.relative_to(ROOT)}: make search first")
    folders |= {"model": ROOT / "models" / cell["key"], "descriptors": ROOT / "data/descriptors" / cell["teacher"]}
    values = read_parameters(ROOT / "params.yaml")
    photos = ROOT / "data/processed" / values["grid"]["test_sets"][0]
    return [photo_case(**folders, photos=photos, found=on_a_device(cell)), kinds_case(cell, values)]


def photo_case(*, exported: Path, index: Path, model: Path, descriptors: Path, photos: Path, found: dict) -> Case:
    """Time a photo of a test set. photos: that set. found: what else the case says."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo"
        photo.write_bytes(_photos(photos)[0])
        command = [sys.executable, "-m", "tools.search", photo, "--model", exported, "--index", index, "--json"]
        code = "import sys; from benchmarks.search import print_plain; print_plain(*sys.argv[1:])"
        other = [sys.executable, "-c", code, model, descriptors, photo]
        start = alternate({"ours": partial(_printed, command), "plain": partial(_printed, other)}, TRIALS)
    first, answers = start.seconds, start.results
    results = [result["similarity"] for result in answers["ours"]["photos"][0]["results"]]
    what = f"{min(PHOTOS, len(_photos(photos)))} photos, one by one"
    require_equal(what, results, answers["plain"], TOLERANCE)
    ways = {"ours": partial(ours, exported, index, photos), "plain": partial(plain, model, descriptors, photos)}
    timings = alternate_processes(ways, TRIALS)
    seconds, similarities = timings.seconds, timings.results
    a_photo = {name: value / len(similarities[name]) for name, value in seconds.items()}
    return Case(
        what=what,
        **timings.of_case,
        equality=f"similarities of the {TOP} nearest images",
        difference=require_equal(what, similarities["ours"], similarities["plain"], TOLERANCE),
        reached={
            f"the first answer within {FIRST_SECONDS} s": first["ours"] <= FIRST_SECONDS,
            f"then under {MILLISECONDS} ms a photo": a_photo["ours"] < MILLISECONDS / 1000,
        },
        found={"first_answer_s": first, "milliseconds_a_photo": {k: 1000 * v for k, v in a_photo.items()}} | found,
    )


def ours(exported: Path, index: Path, photos: Path) -> list[list[float]]:
    finder = our_finder(exported, index, photos.parent)
    return [[result.similarity for result in finder.ask("", photo, None, TOP).results] for photo in _photos(photos)]


@cache
def our_finder(exported: Path, index: Path, processed: Path):
    from tools.search.finder import Finder

    return Finder(exported, index, processed=processed)


def plain(model: Path, descriptors: Path, photos: Path) -> list[list[float]]:
    answer = plain_answer(model, descriptors)
    return [answer(photo) for photo in _photos(photos)]


@cache
def plain_answer(model: Path, descriptors: Path) -> Callable[[bytes], list[float]]:
    """Return a function from a photo's bytes to the similarities of the TOP nearest rows, by PyTorch and NumPy."""
    from aml.files.descriptors import DescriptorFolder
    from aml.files.whitening import read_whitening
    from aml.images import shrink
    from aml.networks.stored import load_network
    from aml.search.network_file import Describer

    network, description = load_network(model)
    described = DescriptorFolder(descriptors)
    describer = Describer(network, description["normalisation"], read_whitening(descriptors), [1.0]).eval()
    rows = np.concatenate([described[name] for name in described.arrays if name.endswith(".database")])

    def answer(photo: bytes) -> list[float]:
        pixels = shrink(np.array(Image.open(io.BytesIO(photo)).convert("RGB")), described.extraction["image_size"])
        similarities = rows @ describer.describe(pixels)
        return similarities[nearest(similarities, TOP)].tolist()

    return answer


def print_plain(model: str, descriptors: str, photo: str) -> None:
    """Print the answer to one photo."""
    print(json.dumps(plain_answer(Path(model), Path(descriptors))(Path(photo).read_bytes())))


def kinds_case(cell: dict, values: dict) -> Case:
    """Measure each kind of index of the teacher's database with the teacher's own queries."""
    data = ROOT / "data"
    database = TeacherDatabase(
        data / "descriptors" / cell["teacher"], data / "processed", data / "ground_truth", testing_sets(values)
    )
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "rows.npy", database.rows(database.parts))
        np.save(Path(folder) / "queries.npy", np.concatenate(list(database.queries().values())))
        return compare(Path(folder), cell["teacher"], setting(values, "index", IndexSettings))


def on_a_device(cell: dict) -> dict:
    """Return what a device needs for the student: multiply-adds of an image, and of each ONNX file bytes and
    milliseconds an image, as the stages `complexity` and `export` have measured them."""
    record = json.loads((ROOT / "reports/search/export.json").read_text())
    costs = {cost.key: cost for cost in read_csv(ROOT / "reports/complexity.csv")}
    student = costs[f"{cell['student']}-{record['dimension']}"]
    return {
        "image": f"{student.width} x {student.height}",
        "multiply_adds": student.multiply_adds,
        "bytes": {name: file["bytes"] for name, file in record["files"].items()},
        "milliseconds": record["milliseconds"],
    }


@cache
def _photos(test_set: Path) -> list[bytes]:
    queries = read_queries(test_set)
    return [queries.read(row) for row in range(min(PHOTOS, len(queries)))]


def _printed(command: list):
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
