"""The stage `extract`: databases whitened by the network's own whitening or a learned one, queries raw; interrupted; in
two processes."""

import copy
import os
import shutil
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

import aml.extraction.describe
from aml.compute.device import runtime
from aml.evaluation.whitening import learn, whiten
from aml.extraction import database_whitening, descriptor_folder
from aml.extraction.descriptor_folder import describe_lists
from aml.files.descriptors import DescriptorFolder
from aml.files.evaluated_lists import testing_lists as lists_of_testing
from aml.files.evaluated_lists import whitening_list
from aml.files.whitening import Whitening, read_whitening, whitening_digest, write_whitening
from aml.networks.network import RetrievalNetwork
from aml.networks.stored import save_network
from stages import extract
from tests import ROOT, contents, python, set_at
from tests.stages.packed_sets import VALUES, write_sets

HOW = {"image_size": 32, "scales": [1.0, 0.5], "precision": "float32"}
DATABASES = ("test.database", "crowd.database")
NUM_ROWS = 6  # of a shard


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(descriptor_folder, "NUM_ROWS", NUM_ROWS)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder of sets and a model; its raw descriptors by list; the pairs of whitening."""
    folder = tmp_path_factory.mktemp("extract")
    write_sets(folder / "sets")
    torch.manual_seed(0)
    network = RetrievalNetwork(backbone="lite0", stages=2, frozen_stages=0, projection=8, gem_p=3.0)
    save_network(folder / "model", network, normalisation={"mean": [0.5] * 3, "std": [0.5] * 3}, record={})
    images, pairs = whitening_list(folder / "sets/train")
    lists = lists_of_testing(folder / "sets", test_sets=["test"], distractors="crowd") | {"train.whitening": images}
    dtypes, where = dict.fromkeys(lists, "float32"), runtime(VALUES)
    describe_lists(folder / "model", folder / "raw", lists, HOW, dtypes=dtypes, batch_size=4, where=where)
    raw = DescriptorFolder(folder / "raw")
    assert not any(entry["whitened"] for entry in raw.arrays.values()) and raw.whitening is None
    return folder, {name: raw[name] for name in lists}, pairs


def extracted(inputs, folder, model="model", values=VALUES) -> DescriptorFolder:
    extract.main(inputs / model, inputs / "sets", folder, values)
    return DescriptorFolder(folder)


def changed(name: str, value) -> dict:
    """The parameters, with another value at a dotted name."""
    return set_at(copy.deepcopy(VALUES), name, value)


def assert_whitened_by(folder: DescriptorFolder, raw: dict, whitening: Whitening) -> None:
    assert set(folder.arrays) == {"test.queries", *DATABASES}
    assert {name for name, entry in folder.arrays.items() if entry["whitened"]} == set(DATABASES)
    np.testing.assert_array_equal(folder["test.queries"], raw["test.queries"])
    for name, tolerance in zip(DATABASES, (2e-6, 3e-4), strict=True):
        exact = whiten(raw[name].astype(np.float64), whitening.mean, whitening.projection)
        np.testing.assert_allclose(folder[name], exact, rtol=0, atol=tolerance)
    assert [folder[name].dtype for name in DATABASES] == [np.float32, np.float16]
    assert folder.whitening == whitening_digest(folder.folder)


@pytest.mark.parametrize("shrinkage", [0, 0.5])
def test_a_network_without_whitening_learns_it_from_its_own_descriptors(inputs, tmp_path, shrinkage):
    folder, raw, pairs = inputs
    learned = learn(raw["train.whitening"], *pairs, shrinkage=shrinkage)
    described = extracted(folder, tmp_path / "x", values=changed("whitening.shrinkage", shrinkage))
    assert_whitened_by(described, raw, learned)
    found = read_whitening(tmp_path / "x")
    np.testing.assert_allclose(found.projection, learned.projection, rtol=1e-6, atol=1e-6)
    assert (found.regularisation, found.condition_number) == (0, pytest.approx(learned.condition_number))
    assert described.network["whitening"] is None


def test_a_network_s_own_whitening_is_taken_over_and_no_whitening_image_described(inputs, tmp_path, monkeypatch):
    folder, raw, _ = inputs
    random, no_set = np.random.default_rng(1), changed("grid.train_set", None)
    own = Whitening(0.1 * random.normal(size=8), random.normal(size=(8, 8)))
    (tmp_path / "owns").mkdir()
    for name in ("model.json", "model.safetensors"):
        (tmp_path / "owns" / name).symlink_to(folder / "model" / name)
    write_whitening(tmp_path / "owns", own)
    monkeypatch.setattr(extract, "whitening_list", lambda folder: pytest.fail("its list is not needed"))
    for values in (VALUES, no_set):
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
        patch.setattr(descriptor_folder, "NUM_ROWS", NUM_ROWS)
        extracted(inputs[0], folder)
    return contents(folder)


STAGE = f"""
from aml.extraction import descriptor_folder
from stages.extract import main
from stages.runtime import run_command

descriptor_folder.NUM_ROWS = {NUM_ROWS}  # else all of so few images are the first process's
run_command(main, in_processes=True)
"""


def test_two_processes_write_the_bytes_of_one_and_leave_nothing_else(inputs, whole, tmp_path):
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(changed("runtime.processes", 2)))
    words, path = (inputs[0] / "model", inputs[0] / "sets", tmp_path / "out/x"), f"{tmp_path}:{ROOT}"
    done = python("-m", "stage", *words, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, timeout=100)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "out/x") == whole and [path.name for path in (tmp_path / "out").iterdir()] == ["x"]


def test_every_shard_has_one_process(tmp_path):
    shards = descriptor_folder.Shards(tmp_path, "x", [[row] for row in range(60)], dtype="float32")
    assert [shards.missing(process, 3) for process in range(3)] == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]


@pytest.fixture
def interrupted(inputs, tmp_path, monkeypatch):
    """A function: interrupts a run when it has written so many shards, and gives the names of the list of each shard,
    one entry for each of its rows. The list goes on when the next run writes."""
    write, shards, rows = descriptor_folder.Shards.write, [], []

    def after(last: int) -> list[str]:
        def counted(of_list, number, descriptors):
            write(of_list, number, descriptors)
            shards.append(number)
            rows.extend([of_list.name] * len(descriptors))
            if len(shards) == last:
                raise KeyboardInterrupt

        monkeypatch.setattr(descriptor_folder.Shards, "write", counted)
        with pytest.raises(KeyboardInterrupt):
            extracted(inputs[0], tmp_path / "twice")
        assert [path.name for path in tmp_path.iterdir()] == [".twice.partial"]
        return rows

    return after


@pytest.mark.parametrize("last", [1, 6, 7, 8, 10])
def test_an_interrupted_run_goes_on_to_the_same_bytes(inputs, whole, tmp_path, monkeypatch, interrupted, last):
    """The whitening is learned once, whenever the run is interrupted, and no finished shard is described again."""
    learned = []

    def counted(*arguments, **settings):
        learned.append(1)
        return learn(*arguments, **settings)

    monkeypatch.setattr(database_whitening, "learn", counted)
    rows = interrupted(last)
    assert len(learned) == ("test.database" in rows)
    extracted(inputs[0], tmp_path / "twice")
    assert len(learned) == 1 and contents(tmp_path / "twice") == whole
    assert [path.name for path in tmp_path.iterdir()] == ["twice"]
    assert Counter(rows) == {name: len(descriptors) for name, descriptors in inputs[1].items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("extract.batch_size", 5),
        ("extract.image_size", 31),
        ("extract.scales", [1.0]),
        ("extract.distractor_dtype", "float32"),
        ("whitening.shrinkage", 0.5),
        ("pairs", "the other way round"),
    ],
)
def test_work_of_other_settings_is_not_taken_up(inputs, tmp_path, monkeypatch, interrupted, name, value):
    rows = interrupted(8)
    before = len(rows)
    if name == "pairs":
        images, pairs = whitening_list(inputs[0] / "sets/train")
        monkeypatch.setattr(extract, "whitening_list", lambda folder: (images, pairs[::-1]))
    extracted(inputs[0], tmp_path / "twice", values=changed(name, value))
    assert len(rows) - before == sum(map(len, inputs[1].values()))


def test_precision_is_that_of_the_convolutions_and_is_noted(inputs, tmp_path):
    folder, raw, _ = inputs
    short = extracted(folder, tmp_path / "short", values=changed("extract.precision", "bfloat16"))
    difference = np.abs(raw["test.queries"] - short["test.queries"]).max()
    assert 1e-5 < difference < 0.05 and short["test.queries"].dtype == np.float32
    assert short.extraction["precision"] == "bfloat16"
    with pytest.raises(
        ValueError, match="precision is 'tf32', which cpu does not have; accepted: float32, bfloat16, or a GPU"
    ):
        extracted(folder, tmp_path / "x", values=changed("extract.precision", "tf32"))
    assert not (tmp_path / "x").exists()


@pytest.mark.long
def test_compiled_networks_give_the_same_but_for_rounding(inputs, tmp_path):
    import torch._dynamo

    torch._dynamo.reset()
    compiled = extracted(inputs[0], tmp_path / "compiled", values=changed("runtime.compile", True))
    assert sum(torch._dynamo.utils.counters["frames"].values()) > 0  # something was compiled
    np.testing.assert_allclose(compiled["test.queries"], inputs[1]["test.queries"], atol=1e-5)


def test_too_small_a_disk_is_refused_before_any_image_is_described(inputs, tmp_path, monkeypatch):
    folder, raw, _ = inputs
    needed = 2 * 8 * sum(len(rows) * (2 if name == "crowd.database" else 4) for name, rows in raw.items())
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed))
    extracted(folder, tmp_path / "enough")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed - 1))
    monkeypatch.setattr(descriptor_folder, "describe_batches", lambda *_, **__: pytest.fail("it describes"))
    with pytest.raises(OSError, match=f"No space left on device: {needed:,} bytes needed, {needed - 1:,} free: .*out"):
        extracted(folder, tmp_path / "out")


def test_a_descriptor_that_is_not_finite_names_its_image(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(
        aml.extraction.describe, "describe_at_scales", lambda _, images, scales: torch.full((len(images), 8), torch.nan)
    )
    with pytest.raises(ValueError, match=r"train\.whitening: image '.*' has a non-finite descriptor"):
        extracted(inputs[0], tmp_path / "x")
