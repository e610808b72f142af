"""The stage on hand-made sets and random descriptors, against the scores of the stage `evaluate`."""

import json

import numpy as np
import pytest
from PIL import Image

from aml.evaluation.protocol import Lists
from aml.files.descriptors import DescriptorFolder
from aml.pages.ranked_lists import judged
from stages import evaluate, ranked_lists
from tests import read_rows
from tests.stages.packed_sets import GRID, LABELS, NO_EXPANSION, NUM_DATABASE, describe, labels_of, write_sets

KEYS = {"student": "student-teacher-reg-0", "teacher": "teacher"}
VALUES = {"grid": GRID, "expansion": NO_EXPANSION}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a student, its teacher, their scores and the lists."""
    folder = tmp_path_factory.mktemp("ranked")
    processed = write_sets(folder / "processed")
    described = {role: folder / "descriptors" / key for role, key in KEYS.items()}
    describe(described["student"], processed, seed=1)
    describe(described["teacher"], processed, seed=2)
    folders = folder / "descriptors", processed, labels_of(processed), folder / "metrics", folder / "queries"
    for role, teacher in (("student", KEYS["teacher"]), ("teacher", None)):
        evaluate.main(*folders, VALUES, key=KEYS[role], network=role, teacher=teacher, loss="reg")
    (folder / "cell.json").write_text(json.dumps({"key": KEYS["student"], "teacher": KEYS["teacher"], "seed": 0}))
    arguments = [folder / name for name in ("cell.json", "descriptors", "queries", "processed", "ground_truth")]
    ranked_lists.main(*arguments, folder / "lists", VALUES)
    return folder


def scores(folder, role):
    lines = read_rows(folder / "queries" / f"{KEYS[role]}.csv")
    return {(line["protocol"], line["level"], line["query"]): line for line in lines}


def test_pictures_stand_in_the_list(finished):
    pages = json.loads((finished / "lists/ranked_lists.json").read_text())
    assert [page["file"] for page in pages] == ["test-best-gain.jpg", "test-worst-gain.jpg"]  # there are two queries
    student, teacher = scores(finished, "student"), scores(finished, "teacher")
    gains = []
    for page in pages:
        query = page["title"].split()[-1]
        symmetric, asymmetric, alone = (
            float(found[protocol, "medium", query]["AP"])
            for found, protocol in ((student, "symmetric"), (student, "asymmetric"), (teacher, "symmetric"))
        )
        gains.append(asymmetric - alone)
        for words in (
            f"{symmetric:.1f} by student-teacher-reg-0 on its own index, {asymmetric:.1f} by it on the index",
            f"{alone:.1f} by teacher on its own index",
            f"of {NUM_DATABASE} database images",
        ):
            assert words in page["caption"]
        with Image.open(finished / "lists" / page["file"]) as image:
            assert image.format == "JPEG" and image.width > image.height
    assert gains[0] > gains[1]
    names = {path.name for path in (finished / "lists").iterdir()}
    assert names == {*(page["file"] for page in pages), "ranked_lists.json"}


def test_the_lists_are_those_that_were_scored(finished):
    """Precision counted on a list is the one that evaluation counted on ranks, junk aside."""
    sets = {name: GRID[name] for name in ("test_sets", "distractors")}
    described = {role: DescriptorFolder(finished / "descriptors" / key) for role, key in KEYS.items()}
    lists = Lists(finished / "processed", finished / "ground_truth", sets, described.values())
    ranked = ranked_lists.rankings("test", [0, 1], described)
    assert ranked.shape == (2, 3, NUM_DATABASE)  # fewer than ten
    for query in range(2):
        for (_, asking, _, protocol), rows in zip(ranked_lists.VIEWS, ranked[query], strict=True):
            assert sorted(rows) == list(range(NUM_DATABASE))
            labels = {kind: np.array(of_kind, dtype=np.int64) for kind, of_kind in LABELS[query].items()}
            counted = [kind in ("easy", "hard") for kind, _ in judged(rows.tolist(), labels) if kind != "junk"]
            last = np.flatnonzero(counted)[-1] + 1
            measured = scores(finished, asking)[protocol, "medium", lists.queries["test"][query]]
            for k in (1, 5, 10):
                assert float(measured[f"P@{k}"]) == pytest.approx(100 * np.mean(counted[: min(k, last)]), abs=1e-6)
