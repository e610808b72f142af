"""The whitening of a descriptor folder: a network's own or learned, once; databases whitened, queries raw."""

import json

import numpy as np
import pytest
import torch

from aml.evaluation.whitening import learn, whiten
from aml.extraction import database_whitening, descriptor_folder
from aml.extraction.database_whitening import DatabaseWhitening
from aml.extraction.descriptor_folder import describe_lists
from aml.files.descriptors import DescriptorFolder
from aml.files.evaluated_lists import testing_lists as lists_of_testing
from aml.files.evaluated_lists import whitening_list
from aml.files.whitening import Whitening, read_whitening, whitening_sha256, write_whitening
from stages import extract
from tests import contents
from tests.stages.packed_sets import GRID
from tests.stages.shared_work import VALUES, write_inputs

WITH_CROWD = VALUES | {"grid": GRID | {"distractors": "crowd"}}
HOW = {"image_size": 32, "scales": [1.0, 0.5], "precision": "float32"}
DATABASES = ("test.database", "crowd.database")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(descriptor_folder, "NUM_ROWS", 6)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder of sets and a model; its raw descriptors by list; the pairs of whitening."""
    folder = write_inputs(tmp_path_factory.mktemp("extract"))
    images, pairs = whitening_list(folder / "sets/train")
    lists = lists_of_testing(folder / "sets", test_sets=["test"], distractors="crowd") | {"train.whitening": images}
    dtypes, cpu = dict.fromkeys(lists, "float32"), torch.device("cpu")
    describe_lists(folder / "model", folder / "raw", lists, HOW, dtypes=dtypes, batch_size=4, device=cpu, num_workers=0)
    raw = DescriptorFolder(folder / "raw")
    assert not any(entry["whitened"] for entry in raw.arrays.values()) and raw.whitening is None
    return folder, {name: raw[name] for name in lists}, pairs


def extracted(inputs, folder, model="model", values=WITH_CROWD) -> DescriptorFolder:
    extract.main(inputs / model, inputs / "sets", folder, values)
    return DescriptorFolder(folder)


def assert_whitened_by(folder: DescriptorFolder, raw: dict, whitening: Whitening) -> None:
    assert set(folder.arrays) == {"test.queries", *DATABASES}
    assert {name for name, entry in folder.arrays.items() if entry["whitened"]} == set(DATABASES)
    np.testing.assert_array_equal(folder["test.queries"], raw["test.queries"])
    for name, tolerance in zip(DATABASES, (2e-6, 3e-4), strict=True):
        exact = whiten(raw[name].astype(np.float64), whitening.mean, whitening.projection)
        np.testing.assert_allclose(folder[name], exact, rtol=0, atol=tolerance)
    assert [folder[name].dtype for name in DATABASES] == [np.float32, np.float16]
    assert folder.whitening == whitening_sha256(folder.folder)


@pytest.mark.parametrize("shrinkage", [0, 0.5])
def test_a_network_without_whitening_learns_it_from_its_own_descriptors(inputs, tmp_path, shrinkage):
    folder, raw, pairs = inputs
    learned = learn(raw["train.whitening"], *pairs, shrinkage=shrinkage)
    described = extracted(folder, tmp_path / "x", values=WITH_CROWD | {"whitening": {"shrinkage": shrinkage}})
    assert_whitened_by(described, raw, learned)
    found = read_whitening(tmp_path / "x")
    np.testing.assert_allclose(found.projection, learned.projection, rtol=1e-6, atol=1e-6)
    assert (found.regularisation, found.condition_number) == (0, pytest.approx(learned.condition_number))
    assert described.network["whitening"] is None


def test_a_network_s_own_whitening_is_taken_over_and_no_whitening_image_described(inputs, tmp_path, monkeypatch):
    folder, raw, _ = inputs
    random, no_set = np.random.default_rng(1), WITH_CROWD | {"grid": WITH_CROWD["grid"] | {"train_set": None}}
    own = Whitening(0.1 * random.normal(size=8), random.normal(size=(8, 8)))
    (tmp_path / "owns").mkdir()
    for name in ("model.json", "model.safetensors"):
        (tmp_path / "owns" / name).symlink_to(folder / "model" / name)
    write_whitening(tmp_path / "owns", own)
    monkeypatch.setattr(extract, "whitening_list", lambda folder: pytest.fail("its list is not needed"))
    for values in (WITH_CROWD, no_set):
        described = extracted(folder, tmp_path / "x", tmp_path / "owns", values)
        assert_whitened_by(described, raw, own)
        np.testing.assert_array_equal(read_whitening(tmp_path / "x").projection, own.projection)
        assert described.network["whitening"] == described.whitening
    with pytest.raises(ValueError, match=r"model owns no whitening, and grid\.train_set is empty: name the set that"):
        extracted(folder, tmp_path / "x", values=no_set)


@pytest.fixture(scope="module")
def whole(inputs, tmp_path_factory):
    """The files of a run in one go."""
    folder = tmp_path_factory.mktemp("whole") / "x"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descriptor_folder, "NUM_ROWS", 6)
        extracted(inputs[0], folder)
    return contents(folder)


@pytest.mark.parametrize("last", [1, 6, 7, 8, 10])
def test_an_interrupted_run_keeps_its_whitening(inputs, whole, tmp_path, monkeypatch, last):
    """It is learned once, whenever the run is interrupted, and the folder has the bytes of a run in one go."""
    learned, written = [], []
    write = descriptor_folder.Shards.write

    def interrupted(shards, *arguments):
        write(shards, *arguments)
        written.append(shards.name)
        if len(written) == last:
            raise KeyboardInterrupt

    def counted(*arguments, **settings):
        learned.append(1)
        return learn(*arguments, **settings)

    monkeypatch.setattr(database_whitening, "learn", counted)
    monkeypatch.setattr(descriptor_folder.Shards, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        extracted(inputs[0], tmp_path / "twice")
    assert len(learned) == ("test.database" in written)
    extracted(inputs[0], tmp_path / "twice")
    assert len(learned) == 1 and contents(tmp_path / "twice") == whole


def test_work_of_other_pairs_or_another_shrinkage_is_not_taken_up(inputs):
    _, _, (queries, positives) = inputs
    makes = {"learned_on": "b", "pairs": (queries, positives), "shrinkage": 0}
    others = ({}, {"pairs": (positives, queries)}, {"shrinkage": 0.5}, {"learned_on": "c"})
    found = {json.dumps(DatabaseWhitening(["a"], **makes | other).settings()) for other in others}
    assert len(found) == 4
