"""The stage `index`: what it writes, what it measures, and index folders that do not hold together."""

import json

import faiss
import numpy as np
import pytest

from aml.evaluation.ranking import labelled_rows, summarise
from aml.files.descriptors import DescriptorFolder
from aml.files.whitening import read_whitening
from aml.params.reading import setting
from aml.params.search import IndexSettings
from aml.search.comparing import mean_average_precision, recall
from aml.search.index import Image, Index, write_index
from aml.search.kinds import build, kinds
from stages.evaluate import main as evaluate
from stages.index import main
from tests.evaluation.naive import counts_by_sorting
from tests.search.conftest import parameters
from tests.stages.packed_sets import labels_of, random_whitening
from tests.vectors import unit

SETTINGS = IndexSettings(sets=None, kind="flat", lists=4, probes=2, code_bytes=4, links=8)


def whitened(tiny) -> np.ndarray:
    rows = DescriptorFolder(tiny / "descriptors/big")
    return np.concatenate([rows["test.database"], rows["crowd.database"]])


def test_rows_and_names_are_those_of_the_database_and_the_distractors(tiny):
    found, expected = Index(tiny / "index/big"), whitened(tiny)
    np.testing.assert_array_equal(found.faiss.reconstruct_n(0, len(expected)), expected)
    names = [f"test{row}" for row in range(9)] + [f"crowd{row}" for row in range(12)]
    assert [image.name for image in found.images] == names
    assert found.images[7] == Image("test", "test7", 200, 20) and found.images[9].set == "crowd"
    own = read_whitening(found.folder)
    np.testing.assert_array_equal(own.projection, read_whitening(tiny / "descriptors/big").projection)


def index_of(tiny, folder, sets) -> Index:
    values = parameters()
    values["index"]["sets"] = sets
    inputs = tiny / "descriptors/big", tiny / "processed", labels_of(tiny / "processed")
    main(*inputs, folder / "index", folder / "index.json", folder / "figures", values)
    return Index(folder / "index")


def test_an_index_of_some_sets_finds_their_images_alone(tiny, tmp_path):
    """What is measured stays the same."""
    found = index_of(tiny, tmp_path, ["crowd"])
    assert [image.name for image in found.images] == [f"crowd{row}" for row in range(12)]
    np.testing.assert_array_equal(found.faiss.reconstruct_n(0, 12), whitened(tiny)[9:])
    records = [
        json.loads(path.read_text())["kinds"]["float32"] for path in (tiny / "index.json", tmp_path / "index.json")
    ]
    assert records[0]["mAP"] == records[1]["mAP"] and records[0]["bytes_a_row"] == records[1]["bytes_a_row"]


@pytest.mark.parametrize("sets", [[], ["train"]])
def test_sets_without_a_database_are_refused(tiny, tmp_path, sets):
    with pytest.raises(
        ValueError, match=r"index.sets is \[.*\]; accepted: any of test, crowd, which are grid.test_sets"
    ):
        index_of(tiny, tmp_path, sets)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["float32", "float16", "int8", "hnsw"])
def test_one_image_is_an_index(tmp_path, name):
    row = unit(np.random.default_rng(0), 1, 6)
    about = {"teacher": {}}
    write_index(tmp_path / "i", build(name, SETTINGS, row), [Image("a", "b", 1, 1)], random_whitening(0), about=about)
    assert Index(tmp_path / "i").search(row[0], 10) == [(1, pytest.approx(1, abs=0.01), "a", "b")]


def test_the_record_has_every_kind_or_why_it_is_left_out(tiny, tmp_path):
    """With the bytes that each row adds; the exact index has the mAP of the evaluation."""
    record = json.loads((tiny / "index.json").read_text())
    settings = setting(parameters(), "index", IndexSettings)
    assert set(record["kinds"]) | set(record["left_out"]) == set(kinds(settings, 6))
    assert record["left_out"]["PQ 16"] == "21 rows; accepted: 256 or more for product quantisation"
    assert record["kinds"]["float32"]["recall_at_10"] == 1
    assert (tiny / "figures/indexes.svg").stat().st_size
    found = record["kinds"]
    assert [found[name]["bytes_a_row"] for name in ("float32", "float16", "int8")] == [24, 12, 6]
    assert found["ivf"]["bytes_a_row"] == pytest.approx(24 + 8, abs=2)  # the row's number, the lengths of its lists
    assert found["ivf"]["bytes_besides"] > found["float32"]["bytes_besides"] + 3 * 24  # the centres of its clusters

    processed = tiny / "processed"
    results = labels_of(processed), tmp_path / "metrics", tmp_path / "queries"
    evaluate(tiny / "descriptors", processed, *results, parameters(), key="big", network="big")
    evaluated = json.loads((tmp_path / "metrics/big.json").read_text())
    assert found["float32"]["mAP"] == {"test": evaluated["symmetric"]["test+crowd"]["medium"]["mAP"]}


@pytest.mark.parametrize("dimension", [64, 67])
@pytest.mark.parametrize("name", kinds(SETTINGS, 64))
def test_every_kind_finds_most_of_the_nearest_rows(name, dimension, tmp_path):
    """Also as faiss writes and reads it, and where a code's bytes do not divide the dimension."""
    random = np.random.default_rng(0)
    rows, queries = unit(random, 300, dimension), unit(random, 20, dimension)
    faiss.write_index(build(name, SETTINGS, rows), str(tmp_path / "index"))
    found = faiss.read_index(str(tmp_path / "index")).search(queries, 10)[1]
    exact = np.argsort(-(queries @ rows.T), axis=1)[:, :10]
    share = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), exact.tolist(), strict=True)])
    assert recall(found, exact) == pytest.approx(share)
    assert share >= {"float32": 1, "float16": 0.95, "int8": 0.9, "hnsw": 0.8, "ivfpq": 0.2}.get(name, 0.4)


@pytest.mark.parametrize(
    ("name", "rows", "why"),
    [
        ("ivf", 3, "lists is 4; accepted: at most the number of rows, 3"),
        ("ivfpq", 4, "4 rows; accepted: 256 or more for product quantisation"),
        ("PQ 16", 255, "255 rows; accepted: 256 or more for product quantisation"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_reason(name, rows, why):
    with pytest.raises(ValueError, match=f"params.yaml: index: {name}: {why}"):
        build(name, SETTINGS, unit(np.random.default_rng(0), rows, 64))


def test_clusters_are_found_on_gpus_where_there_are_any(monkeypatch):
    """A CPU index takes their place here; the clusters are the same."""
    rows, used = unit(np.random.default_rng(0), 300, 64), []
    alone = build("ivf", SETTINGS, rows)

    def on_all(index):
        used.append(index)
        return index

    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 2)
    monkeypatch.setattr(faiss, "index_cpu_to_all_gpus", on_all)
    index = build("ivf", SETTINGS, rows)
    assert len(used) == 1 and used[0].ntotal == 4  # the centres of the clusters
    np.testing.assert_array_equal(index.search(rows, 3)[1], alone.search(rows, 3)[1])


def test_map_over_a_ranking_of_several_sets_leaves_out_the_others():
    """Rows 0 to 9 are another set's, 10 to 29 the set's own, 30 to 39 distractors. What was not found is missed."""
    random = np.random.default_rng(1)
    scores = random.random((3, 40))
    labels = (np.split(random.permutation(20)[:9], [3, 6]) for _ in scores)
    ground_truth = [dict(zip(("easy", "hard", "junk"), of_query, strict=True)) for of_query in labels]
    found = mean_average_precision(np.argsort(-scores), np.arange(40) >= 10, 10, ground_truth)
    above, _ = counts_by_sorting(scores[:, 10:], labelled_rows(ground_truth))
    assert found == pytest.approx(summarise(above, ground_truth)["medium"]["mAP"])
    few = [{"easy": np.array([0, 1]), "hard": np.array([], int), "junk": np.array([], int)}]
    assert mean_average_precision(np.array([[0, 2, -1, -1]]), np.ones(4, bool), 0, few) == pytest.approx(0.5)
