"""A user's own dataset from local files: a correction there is seen, and no more than needed runs again."""

import pickle
import shutil

import pytest

from tests.pipeline.conftest import cells, ran

pytestmark = pytest.mark.pipeline
NAME = "rsynth_a"
FILES = (f"gnd_{NAME}.pkl", f"{NAME}_images.tgz")


@pytest.fixture
def own(repository, tmp_path):
    """The folder of the first test set's files, which params.yaml names instead of drawing them."""
    folder = tmp_path / "my files"
    shutil.copytree(repository.folder / f"data/raw/{NAME}", folder)
    for file in FILES:
        (folder / file).chmod(0o644)
    repository.edit(f"datasets.{NAME}.synthetic", None)
    repository.edit(f"datasets.{NAME}.sources", [{"file": file, "places": [str(folder / file)]} for file in FILES])
    return folder


def swap_labels(path):
    """Exchange the easy and the hard images of the first query."""
    value = pickle.loads(path.read_bytes())
    first = value["gnd"][0]
    first["easy"], first["hard"] = first["hard"], first["easy"]
    path.write_bytes(pickle.dumps(value))


def test_a_corrected_label_evaluates_anew_and_extracts_nothing(repository, own):
    first = repository.dvc("repro", "tables")
    assert {f"download@{NAME}", "sources"} <= set(ran(first))
    assert not [name for name in ran(first) if name.startswith(("train", "distill", "extract", "evaluate"))]
    assert str(own) not in (repository.folder / f"data/digests/{NAME}.json").read_text()
    repository.commit()
    before = [path.read_bytes() for path in sorted((repository.folder / "data/descriptors").rglob("*.npy"))]

    swap_labels(own / FILES[0])
    second = repository.dvc("repro", "tables")
    assert f"{FILES[0]} has changed at {own / FILES[0]}: taken, and noted in data/digests/{NAME}.json" in second
    changed = ["sources", f"download@{NAME}", f"preprocess@{NAME}"]
    teacher, student, contr_plus, reg = cells(repository)
    evaluations = [f"evaluate_teacher@{teacher}", f"evaluate_student@{student}"]
    evaluations += [f"evaluate_distilled@{key}" for key in (contr_plus, reg)]
    assert ran(second)[:3] == changed and set(ran(second)) - {"tables"} == {*changed, *evaluations}
    assert before == [path.read_bytes() for path in sorted((repository.folder / "data/descriptors").rglob("*.npy"))]
    moved = f"reports/metrics/{teacher}.json"
    assert moved in repository.changes()
    assert "Data and pipelines are up to date." in repository.dvc("repro", "tables")

    shutil.rmtree(own)  # the copies serve, once the links are gone
    repository.run("python", "-m", "tools.repair")
    assert set(ran(repository.dvc("repro", "tables"))) == {"sources", f"download@{NAME}"}
