"""Write the student of the cell under study as ONNX files and measure them: size, time, mAP by onnxruntime alone.

The files take pixels and give the descriptors that its teacher's index takes.

Reads: <model>, the student's folder; <teacher>, its teacher's descriptor folder; <processed>; <ground_truth>. Writes:
<exported> (see `aml.search.student`): for one scale and for the scales of testing a file in float32, one with weights
stored in float16 and one in int8; model.json; README.md, the model card. <record>: the same as model.json, and each
file's milliseconds an image on this machine. Fails if a float32 file and torch differ by more than TOLERANCE.
"""

import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime

from aml.files.atomic import replacing_folder, write_json
from aml.files.digests import file_sha256
from aml.files.evaluated_lists import testing_sets
from aml.files.image_sets import read_images
from aml.images import read_pixels, shrink
from aml.networks.stored import load_network
from aml.params.datasets import dataset_settings
from aml.params.reading import setting
from aml.params.search import ExportSettings
from aml.search.card import card
from aml.search.database import TeacherDatabase
from aml.search.network_file import Describer, write_onnx
from aml.search.student import (
    DESCRIPTION,
    INPUT,
    MULTI,
    OUTPUT,
    SINGLE,
    as_input,
    describe,
    open_session,
    smallest_side,
)
from aml.search.variants import quantise, store_in_float16
from stages.runtime import run_command

SIZES = ((61, 97), (97, 61), (33, 127), (129, 95))  # height and width of the images that torch describes too
TOLERANCE = 1e-5


def main(
    model: Path, teacher: Path, processed: Path, ground_truth: Path, exported: Path, record: Path, values: dict
) -> None:
    sets = testing_sets(values)
    database = TeacherDatabase(teacher, processed, ground_truth, sets)
    network, description = load_network(model)
    image_size, scales = database.extraction["image_size"], database.extraction["scales"]
    images = calibration_images(processed, sets["train_set"], image_size, values)
    with replacing_folder(exported) as folder:
        for stem, of_file in ((SINGLE, [1.0]), (MULTI, scales)):
            whole = folder / f"{stem}.onnx"
            describer = Describer(network, description["normalisation"], database.whitening, of_file)
            write_onnx(describer, whole)
            require_equal(describer, whole)
            store_in_float16(whole, folder / f"{stem}-float16.onnx")
            quantise(whole, folder / f"{stem}-int8.onnx", images)
        least = smallest_side(open_session(folder / f"{MULTI}.onnx"))
        paths = sorted(folder.glob("*.onnx"), key=lambda path: path.stem)
        measured = {path.name: measure(path, database, least) for path in paths}
        times = {name: file.pop("milliseconds") for name, file in measured.items()}
        about = identity(model, description, database, sets["train_set"], values)
        about |= {"image_size": image_size, "smallest_side": least, "scales": scales, "files": measured}
        write_json(folder / DESCRIPTION, about)
        (folder / "README.md").write_text(card(about), encoding="utf-8")
    write_json(record, about | {"milliseconds": times, "onnxruntime": onnxruntime.__version__})


def calibration_images(processed: Path, train_set: str, image_size: int, values: dict) -> list[np.ndarray]:
    """Return images of the training set, evenly through its list, as inputs of an ONNX file."""
    images = read_images(processed / train_set)
    wanted = setting(values, "export", ExportSettings).calibration_images
    rows = np.linspace(0, len(images) - 1, min(wanted, len(images))).astype(int)
    return [as_input(shrink(read_pixels(images, row), image_size)) for row in rows]


def require_equal(describer: Describer, path: Path) -> None:
    """Raise ValueError unless onnxruntime and torch describe images of noise of all SIZES alike."""
    session, random = open_session(path), np.random.default_rng(0)
    for size in SIZES:
        pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        found = session.run([OUTPUT], {INPUT: as_input(pixels)})[0][0]
        difference = np.abs(found - describer.describe(pixels)).max()
        if not difference <= TOLERANCE:
            raise ValueError(
                f"{path.name}: onnxruntime and torch differ by {difference:.1g} for an image of {size[1]} x {size[0]} "
                f"pixels; accepted: {TOLERANCE:g}"
            )


def measure(path: Path, database: TeacherDatabase, least: int) -> dict:
    """Return size, sha256, mAP and the median milliseconds of a query of an ONNX file, by onnxruntime alone."""
    session, image_size, queries, times = open_session(path), database.extraction["image_size"], {}, []
    for name in database.lists.test_sets:
        images, queries[name] = database.images[f"{name}.queries"], []
        for row, box in enumerate(images.boxes):
            pixels = shrink(read_pixels(images, row), image_size, box)
            started = time.perf_counter()
            queries[name].append(describe(session, pixels, least))
            times.append(time.perf_counter() - started)
    return {
        "bytes": path.stat().st_size,
        "sha256": file_sha256(path),
        "mAP": database.mean_precisions({name: np.stack(rows) for name, rows in queries.items()}),
        "milliseconds": round(1000 * statistics.median(times), 2),
    }


def identity(model: Path, description: dict, database: TeacherDatabase, train_set: str, values: dict) -> dict:
    """Return what model.json says about the student, apart from its files."""
    return {
        "key": model.name,
        "student": setting(values, "student", str),
        "backbone": description["arguments"]["backbone"],
        "parameters": description["num_parameters"],
        "teacher": database.teacher,
        "loss": setting(values, "loss", str),
        "seed": setting(values, "seed", int),
        "trained_on": dataset_settings(values, train_set).label,
        "note": setting(values, "note", str),
        "input": INPUT,
        "output": OUTPUT,
        "dimension": len(database.whitening.projection),
    }


if __name__ == "__main__":
    run_command(main)
