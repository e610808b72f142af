import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aml.datasets import distractors, revisited, sfm
from tests.fuzz.inputs import NUMBERS, PLAIN, altered, damaged, fuzzed
from tests.fuzz.watch import ends_well

HALF = {"cids": ["a", "b", "c"], "cluster": [0, 0, 1], "qidxs": [0], "pidxs": [1]}
TRAINING = {"train": HALF, "val": HALF}
WHITENING = {"cids": ["a", "b"], "qidxs": [0], "pidxs": [1]}
QUERY = {"bbx": [0, 0, 9.5, 9], "easy": [0], "hard": [1], "junk": []}
GROUND_TRUTH = {"imlist": ["a", "b"], "qimlist": ["q", "r"], "gnd": [QUERY, QUERY]}
ARRAYS = st.sampled_from([np.arange(3), np.zeros((2, 2)), np.array(5), np.array(["a"]), np.array([None, "a"]), np.nan])
PARTS = st.one_of(PLAIN, ARRAYS, st.lists(NUMBERS, min_size=4, max_size=4))
LIST = "".join(f"jpg/{number % 7}/image{number}.jpg\n" for number in range(30)).encode()


@fuzzed
@given(training=altered(TRAINING, PARTS), whitening=st.one_of(st.just(WHITENING), altered(WHITENING, PARTS)))
def test_training_lists(folder, training, whitening):
    lists = folder / "l.pkl", folder / "l-whiten.pkl"
    for path, value in zip(lists, (training, whitening), strict=True):
        path.write_bytes(pickle.dumps(value))
    found = ends_well(lambda: sfm._read_lists(*lists), folder)
    for split in (found or {}).values():
        assert all(0 <= row < len(split["names"]) for row in split["queries"] + split["positives"])


@fuzzed
@given(value=altered(GROUND_TRUTH, PARTS))
def test_ground_truth(folder, value):
    (folder / "gnd.pkl").write_bytes(pickle.dumps(value))
    found = ends_well(lambda: revisited._read_ground_truth(folder / "gnd.pkl"), folder)
    if found:
        assert len(found.queries) == len(found.boxes) == len(found.labels) and all(len(box) == 4 for box in found.boxes)
        assert all(0 <= row < len(found.database) for query in found.labels for rows in query.values() for row in rows)


@fuzzed
@given(data=damaged(LIST))
def test_lists_of_distractors(folder, data):
    (folder / "crowd.txt").write_bytes(data)
    found = ends_well(lambda: distractors._read_names(folder / "crowd.txt", None), folder)
    assert found is None or (all(found) and len(set(found)) == len(found))
