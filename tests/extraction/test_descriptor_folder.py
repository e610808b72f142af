"""A descriptor folder in one go, interrupted, and gone on with: the same bytes, and no image described twice."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import aml.extraction.describe
import aml.extraction.descriptor_folder
from aml.extraction.describe import describe_at_scales
from aml.extraction.descriptor_folder import describe_lists
from aml.files.descriptors import DescriptorFolder
from aml.files.image_sets import read_images, read_queries
from tests import contents
from tests.stages.packed_sets import NUM_DATABASE, NUM_QUERIES, NUM_TRAIN
from tests.stages.shared_work import write_inputs

HOW = {"image_size": 32, "scales": [1.0, 0.5], "precision": "float32", "query_crop": True}
DTYPES = {"train.whitening": "float32", "test.database": "float16", "test.queries": "float32"}
ALL = NUM_TRAIN + NUM_DATABASE + NUM_QUERIES


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(aml.extraction.descriptor_folder, "NUM_ROWS", 6)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The model folder, and the lists by name."""
    folder = write_inputs(tmp_path_factory.mktemp("inputs"))
    sets = folder / "sets"
    lists = read_images(sets / "train"), read_images(sets / "test"), read_queries(sets / "test")
    return folder / "model", dict(zip(DTYPES, lists, strict=True))


class Describing:
    """Describes batches, counts their images, and is interrupted after `last` of them."""

    def __init__(self, monkeypatch, last=ALL):
        self.count, self.last = 0, last
        monkeypatch.setattr(aml.extraction.describe, "describe_at_scales", self)

    def __call__(self, network, images, scales):
        if self.count >= self.last:
            raise KeyboardInterrupt
        self.count += len(images)
        return describe_at_scales(network, images, scales)


def describe(inputs, folder, *, batch_size=4, compiled=False, **other):
    model, lists = inputs
    options = {"device": torch.device("cpu"), "num_workers": 0, "compiled": compiled}
    describe_lists(model, folder, lists, HOW | other, dtypes=DTYPES, batch_size=batch_size, **options)


def test_an_interrupted_run_goes_on_to_the_same_bytes(inputs, tmp_path, monkeypatch):
    describe(inputs, tmp_path / "whole")
    first = Describing(monkeypatch, last=45)
    with pytest.raises(KeyboardInterrupt):
        describe(inputs, tmp_path / "twice")
    assert not (tmp_path / "twice").exists() and (tmp_path / ".twice.partial").exists()
    second = Describing(monkeypatch)
    describe(inputs, tmp_path / "twice")
    assert 40 <= first.count < ALL  # the whole first list, at least
    assert second.count <= ALL - first.count + 8  # no more than the shard in which it was interrupted comes again
    assert contents(tmp_path / "twice") == contents(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["twice", "whole"]


@pytest.mark.parametrize("other", [{"batch_size": 5}, {"image_size": 31}, {"scales": [1.0]}])
def test_work_of_other_settings_is_not_taken_up(inputs, tmp_path, monkeypatch, other):
    Describing(monkeypatch, last=45)
    with pytest.raises(KeyboardInterrupt):
        describe(inputs, tmp_path / "x")
    again = Describing(monkeypatch)
    describe(inputs, tmp_path / "x", **other)
    assert again.count == ALL


def test_rows_are_the_list_s_and_types_as_asked_for(inputs, tmp_path):
    describe(inputs, tmp_path / "x")
    folder = DescriptorFolder(tmp_path / "x")
    for name, images in inputs[1].items():
        folder.require_list(name, images.digest, whitened=False)
        assert folder[name].dtype == DTYPES[name]
    describe(inputs, tmp_path / "one", batch_size=1)
    for name in DTYPES:
        np.testing.assert_allclose(folder[name], DescriptorFolder(tmp_path / "one")[name], atol=1e-3)


def test_precision_is_that_of_the_convolutions_and_is_noted(inputs, tmp_path):
    describe(inputs, tmp_path / "exact")
    describe(inputs, tmp_path / "short", precision="bfloat16")
    exact, short = DescriptorFolder(tmp_path / "exact"), DescriptorFolder(tmp_path / "short")
    assert (exact.extraction["precision"], short.extraction["precision"]) == ("float32", "bfloat16")
    difference = np.abs(exact["train.whitening"] - short["train.whitening"]).max()
    assert 1e-5 < difference < 0.05 and short["train.whitening"].dtype == np.float32
    with pytest.raises(
        ValueError, match="precision is 'tf32', which cpu does not have; accepted: float32, bfloat16, or a GPU"
    ):
        describe(inputs, tmp_path / "x", precision="tf32")
    assert not (tmp_path / "x").exists()


@pytest.mark.long
def test_compiled_networks_give_the_same_but_for_rounding(inputs, tmp_path, monkeypatch):
    import torch._dynamo

    torch._dynamo.reset()
    describe(inputs, tmp_path / "eager")
    describe(inputs, tmp_path / "compiled", compiled=True)
    assert sum(torch._dynamo.utils.counters["frames"].values()) > 0  # something was compiled
    for name in DTYPES:
        eager, compiled = (DescriptorFolder(tmp_path / folder)[name] for folder in ("eager", "compiled"))
        np.testing.assert_allclose(compiled, eager, atol=1e-5 if eager.dtype == np.float32 else 1e-3)


def test_too_small_a_disk_is_refused_before_any_image_is_described(inputs, tmp_path, monkeypatch):
    _, lists = inputs
    needed = 2 * 8 * sum(len(lists[name]) * np.dtype(dtype).itemsize for name, dtype in DTYPES.items())
    describing = Describing(monkeypatch)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed - 1))
    with pytest.raises(OSError, match=f"No space left on device: {needed:,} bytes needed, {needed - 1:,} free: .*out"):
        describe(inputs, tmp_path / "out")
    assert describing.count == 0
    with monkeypatch.context() as enough:
        enough.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed))
        describe(inputs, tmp_path / "out")


def test_a_descriptor_that_is_not_finite_names_its_image(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(
        aml.extraction.describe, "describe_at_scales", lambda _, images, scales: torch.full((len(images), 8), torch.nan)
    )
    with pytest.raises(ValueError, match=r"train\.whitening: image '.*' has a non-finite descriptor"):
        describe(inputs, tmp_path / "x")
