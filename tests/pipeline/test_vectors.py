"""A grid whose only teacher is vectors: from files to tables and to a search."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aml.files.image_sets import ImageSet, read_images, read_queries
from aml.images import read_pixels, shrink
from aml.search.student import Student
from tests.pipeline.conftest import Repository, ran

pytestmark = pytest.mark.pipeline
SIDE = 4  # of the thumbnails that are the made-up teacher's vectors
TEACHER = "pixels"
KEY = f"lite0_short-{TEACHER}-reg-0"


def vectors(images: ImageSet) -> Iterator[np.ndarray]:
    """The pixels of a thumbnail of each image, or of its box, less their middle."""
    for row in range(len(images)):
        pixels = read_pixels(images, row)
        if images.boxes is not None:
            pixels = shrink(pixels, 32, images.boxes[row])
        small = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX)
        yield np.asarray(small, np.float32).ravel() - 127.5


def save(folder: Path, stem: str, images: ImageSet) -> None:
    np.save(folder / f"{stem}.npy", np.stack(list(vectors(images))))
    (folder / f"{stem}.txt").write_text("".join(f"{name}\n" for name in images.names))


@pytest.fixture
def taught(repository, tmp_path) -> tuple[Repository, Path]:
    """A repository whose grid has this teacher alone, and the folder of its vectors."""
    folder, processed = tmp_path / "my vectors", repository.folder / "data/processed"
    folder.mkdir()
    for path in processed.iterdir():
        save(folder, path.name, read_images(path))
        if (path / "queries.csv").exists():
            save(folder, f"{path.name}.queries", read_queries(path))
    grid = {"teachers": [TEACHER], "trained_teachers": [], "vector_teachers": [TEACHER], "dimensions": []}
    for name, value in (grid | {"losses": ["reg"]}).items():
        repository.edit(f"grid.{name}", value)
    for name, value in {"teacher": TEACHER, "loss": "reg"}.items():
        repository.edit(name, value)
    settings = {"label": "Pixels", "folder": str(folder), "components": 3 * SIDE**2, "negative": "split"}
    repository.edit("vectors", {TEACHER: settings | {"queries": True, "whitening": "none"}})
    return repository, folder


def test_a_student_of_vectors_is_trained_tested_exported_and_searched_with(taught, tmp_path):
    repository, folder = taught
    first = ran(repository.dvc("repro"))
    assert {f"vectors@{TEACHER}", f"distill@{KEY}"} <= set(first)
    assert not [name for name in first if name.startswith(("train", "convert", "targets", "extract_teacher"))]
    teacher, student = (repository.json(f"reports/metrics/{key}.json") for key in (TEACHER, KEY))
    assert student["network"]["dimension"] == 2 * 3 * SIDE**2
    for record, protocol in ((teacher, "symmetric"), (student, "asymmetric"), (student, "symmetric")):
        assert all(levels["medium"]["mAP"] > 0 for levels in record[protocol].values())
    assert student["evaluation"]["learned_whitening"]["asymmetric"] is None
    table = repository.json("reports/tables/tables.json")
    assert "Teachers that are known by their vectors alone: Pixels; not whitened: Pixels." in json.dumps(table)

    repository.run("make", "search")
    photo = next((repository.folder / "reports").rglob("*.jpg"))
    words = "python", "-m", "tools.search", str(photo), "--top", "3", "--json"
    (answer,) = json.loads(repository.run(*words))["photos"]
    rows = {}
    for path in (repository.folder / "data/processed").iterdir():
        if not (path / "lists.npz").exists():
            images = read_images(path)
            rows |= {(path.name, name): row for name, row in zip(images.names, vectors(images), strict=True)}
    own = Student(repository.folder / f"data/exported/{KEY}")
    descriptor = own.describe(shrink(np.asarray(Image.open(photo).convert("RGB")), own.about["image_size"]))
    similarities = {where: row @ descriptor / np.linalg.norm(row) for where, row in rows.items()}
    best = sorted(similarities, key=similarities.get, reverse=True)[:3]
    assert [(found["set"], found["name"]) for found in answer["results"]] == best
    assert own.about["dimension"] == len(descriptor) == 3 * SIDE**2
    repository.commit()

    distractors = np.load(folder / "synth1k.npy")
    np.save(folder / "synth1k.npy", -distractors)
    second = ran(repository.dvc("repro", "tables"))
    assert {f"vectors@{TEACHER}", f"evaluate_distilled@{KEY}"} <= set(second)
    assert not [name for name in second if name.startswith(("distill", "extract"))]


def test_without_vectors_of_queries_the_teacher_has_dashes(taught):
    repository, folder = taught
    for path in folder.glob("*.queries.*"):
        path.unlink()
    repository.edit(f"vectors.{TEACHER}.queries", False)
    repository.dvc("repro")
    assert not any(repository.json(f"reports/metrics/{TEACHER}.json")["symmetric"].values())
    notes = [table["notes"] for table in repository.json("reports/tables/tables.json")["tables"]]
    assert any("Dashes of Pixels: there are no vectors of queries." in of_table for of_table in notes)
    assert repository.json("reports/ranked_lists/ranked_lists.json") == []
    repository.run("make", "search")
    assert repository.json("reports/search/index.json")["kinds"] == {}
    photo = next((repository.folder / "reports").rglob("*.jpg"))
    assert len(repository.run("python", "-m", "tools.search", str(photo), "--top", "3").splitlines()) == 4
