"""The stage `index`: what it writes, what it measures, and index folders that do not hold together."""

import json
import shutil

import faiss
import numpy as np
import pytest

from aml.files.descriptors import DescriptorFolder
from aml.files.whitening import read_whitening
from aml.params.reading import setting
from aml.params.search import IndexSettings
from aml.search.comparing import mean_average_precision, recall
from aml.search.index import Image, Index, write_index
from aml.search.kinds import build, kinds, problem
from stages.evaluate import main as evaluate
from tests.search.conftest import parameters
from tests.stages.packed_sets import labels_of
from tests.stages.random_descriptors import random_whitening
from tests.vectors import unit

SETTINGS = IndexSettings(kind="flat", lists=4, probes=2, code_bytes=4, links=8)


@pytest.fixture
def index(tiny, tmp_path):
    return shutil.copytree(tiny / "index/big", tmp_path / "index")


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


def test_results_are_sorted_by_similarity(tiny):
    found, rows = Index(tiny / "index/big"), whitened(tiny)
    results, similarities = found.search(rows[4], 30), rows @ rows[4]
    order = np.argsort(-similarities)
    assert [result.row for result in results] == order.tolist()  # all 21
    assert [result.rank for result in results] == list(range(1, 22)) and results[0].image.name == "test4"
    assert [result.similarity for result in results] == pytest.approx(similarities[order].tolist(), abs=1e-6)


def test_the_record_has_every_kind_or_why_it_is_left_out(tiny):
    record = json.loads((tiny / "index.json").read_text())
    settings = setting(parameters(), "index", IndexSettings)
    assert set(record["kinds"]) | set(record["left_out"]) == set(kinds(settings))
    assert record["left_out"]["PQ 16"] == "16 bytes a row; accepted: divisors of the dimension 6"
    assert record["kinds"]["float32"]["recall_at_10"] == 1
    assert (tiny / "figures/indexes.svg").stat().st_size


def test_map_of_the_exact_index_is_that_of_the_evaluation(tiny, tmp_path):
    processed = tiny / "processed"
    results = labels_of(processed), tmp_path / "metrics", tmp_path / "queries"
    evaluate(tiny / "descriptors", processed, *results, parameters(), key="big", network="big")
    record = json.loads((tmp_path / "metrics/big.json").read_text())
    expected = {"test": record["symmetric"]["test+crowd"]["medium"]["mAP"]}
    assert json.loads((tiny / "index.json").read_text())["kinds"]["float32"]["mAP"] == expected


@pytest.mark.parametrize("name", kinds(SETTINGS))
def test_every_kind_finds_most_of_the_nearest_rows(name):
    random = np.random.default_rng(0)
    rows, queries = unit(random, 300, 64), unit(random, 20, 64)
    found = build(name, SETTINGS, rows).search(queries, 10)[1]
    exact = np.argsort(-(queries @ rows.T), axis=1)[:, :10]
    share = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), exact.tolist(), strict=True)])
    assert recall(found, exact) == pytest.approx(share)
    assert share >= {"float32": 1, "float16": 0.95, "int8": 0.9, "hnsw": 0.9, "ivfpq": 0.2}.get(name, 0.4)


@pytest.mark.parametrize(
    ("name", "rows", "dimension", "why"),
    [
        ("ivf", 3, 64, "lists is 4; accepted: at most the number of rows, 3"),
        ("ivfpq", 300, 6, "4 bytes a row; accepted: divisors of the dimension 6"),
        ("PQ 16", 255, 64, "255 rows; accepted: 256 or more for product quantisation"),
        ("PQ 32", 300, 48, "32 bytes a row; accepted: divisors of the dimension 48"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_reason(name, rows, dimension, why):
    assert problem(name, SETTINGS, rows, dimension) == why
    with pytest.raises(ValueError, match=f"params.yaml: index: {name}: {why}"):
        build(name, SETTINGS, unit(np.random.default_rng(0), rows, dimension))


def test_map_over_a_ranking_of_several_sets_leaves_out_the_others():
    """Rows 0 to 9 are another set's, 10 to 29 the set's own, 30 to 39 distractors."""
    random = np.random.default_rng(1)
    ranked, ground_truth, scores = [], [], []
    for _ in range(3):
        order, labels = random.permutation(40), np.split(random.permutation(20)[:9], [3, 6])
        easy, hard, junk = (set(rows.tolist()) for rows in labels)
        kept = [row - 10 for row in order.tolist() if row >= 10 and row - 10 not in junk]
        ranks = [rank for rank, row in enumerate(kept) if row in easy | hard]
        parts = [((found / rank if rank else 1) + (found + 1) / (rank + 1)) / 2 for found, rank in enumerate(ranks)]
        scores.append(sum(parts) / len(parts))
        ranked.append(order)
        ground_truth.append(dict(zip(("easy", "hard", "junk"), labels, strict=True)))
    found = mean_average_precision(np.array(ranked), np.arange(40) >= 10, 10, ground_truth)
    assert found == pytest.approx(np.mean(scores))


def test_positives_that_were_not_found_count_as_missed():
    ground_truth = [{"easy": np.array([0, 1]), "hard": np.array([], int), "junk": np.array([], int)}]
    found = mean_average_precision(np.array([[0, 2, -1, -1]]), np.ones(4, bool), 0, ground_truth)
    assert found == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["index.faiss", "images.csv", "whitening.npz"])
def test_a_truncated_or_missing_file_is_refused(index, name):
    path = index / name
    path.write_bytes(path.read_bytes()[:-7])
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"{name} is damaged: it is not the file that index.json names"):
            Index(index)
        path.unlink(missing_ok=True)


def test_names_that_changed_are_refused(index):
    path = index / "images.csv"
    path.write_text(path.read_text().replace("test4", "test5"))
    with pytest.raises(ValueError, match=r"images.csv is damaged"):
        Index(index)


def test_names_fewer_than_rows_are_refused(tmp_path):
    vectors = faiss.IndexFlatIP(6)
    vectors.add(unit(np.random.default_rng(0), 3, 6))
    with pytest.raises(ValueError, match="3 rows, 1 images; accepted: one of each"):
        write_index(tmp_path / "index", vectors, [Image("a", "b", 1, 1)], random_whitening(0), about={})
    assert not list(tmp_path.iterdir())


def test_a_folder_without_index_json_is_no_index(tmp_path):
    with pytest.raises(ValueError, match=r"is no index: there is no index.json; `make search` writes one"):
        Index(tmp_path)


def test_more_probes_than_lists_are_refused():
    values = parameters()
    values["index"]["probes"] = 9
    with pytest.raises(ValueError, match=r"params.yaml: index: probes is 9; accepted: at most lists, which is 3"):
        setting(values, "index", IndexSettings)
