"""The cache of frozen blocks' features: the same bits, computed once."""

import os
import resource

import numpy as np
import pytest
import torch

import aml.compute.feature_cache
import aml.networks.network
from aml.compute.feature_cache import cache_frozen_features
from aml.files.image_sets import read_images
from aml.images import ImageTensors
from aml.networks.backbones import lite0
from aml.networks.inference import folded
from aml.networks.network import RetrievalNetwork
from aml.training.objective import FeatureSource
from tests import flipped
from tests.stages.packed_sets import size_of, write_sets

IMAGES = torch.rand(3, 3, 24, 32, generator=torch.Generator().manual_seed(5))


def network(*, seed: int = 0, frozen_stages: int = 2, projection: int = 8) -> RetrievalNetwork:
    torch.manual_seed(seed)  # the backbone is drawn first
    options = {"backbone": "lite0", "stages": 2, "frozen_stages": frozen_stages, "projection": projection, "gem_p": 3.0}
    return RetrievalNetwork(**options).eval().to(memory_format=torch.channels_last)


class Counting:
    """A network with a cache in `folder`, and how many images its frozen blocks have computed."""

    def __init__(self, folder, net: RetrievalNetwork | None = None):
        self.network, self.computed = net or network(), 0
        cache_frozen_features(self.network, folder)
        self.network.backbone[0].register_forward_hook(self._count)

    def __call__(self, images=IMAGES) -> torch.Tensor:
        with torch.inference_mode():
            return self.network(images.contiguous(memory_format=torch.channels_last))

    def _count(self, module, arguments, result):
        self.computed += len(result)


def test_another_network_with_the_same_frozen_blocks_reads_them_bit_for_bit(tmp_path, monkeypatch):
    """The pixels, the precision and the number of threads are the same."""
    plain, first, second = Counting(None), Counting(tmp_path), Counting(tmp_path)
    expected = plain()
    assert torch.equal(first(), expected) and torch.equal(second(), expected)
    assert (plain.computed, first.computed, second.computed) == (3, 3, 0)
    wider = Counting(tmp_path, network(projection=16))
    assert torch.equal(wider(), Counting(None, network(projection=16))()) and wider.computed == 0
    moved, short = IMAGES.clone(), network()
    moved[2, 1, 3, 4] += 1e-6
    assert torch.equal(second(moved), plain(moved)) and second.computed == 3
    short.precision = "bfloat16"
    assert not torch.equal(Counting(tmp_path, short)(), expected)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
    found = Counting(tmp_path)
    found()
    assert found.computed == 3


@pytest.mark.parametrize("module", [aml.compute.feature_cache, lite0, aml.networks.network])
def test_other_code_computes_its_own(tmp_path, monkeypatch, module):
    Counting(tmp_path)()
    read = aml.compute.feature_cache.syntax_sha256
    monkeypatch.setattr(
        aml.compute.feature_cache,
        "syntax_sha256",
        lambda path: "edited" if str(path) == module.__file__ else read(path),
    )
    found = Counting(tmp_path)
    assert torch.equal(found(), Counting(None)()) and found.computed == 3


@pytest.mark.parametrize("other", [{"seed": 1}, {"frozen_stages": 1}, {"frozen_stages": 0}])
def test_other_frozen_blocks_compute_their_own(tmp_path, other):
    """Nothing is kept of a network that trains all of its stages."""
    Counting(tmp_path)()
    folders, found = set(tmp_path.iterdir()), Counting(tmp_path, network(**other))
    assert torch.equal(found(), Counting(None, network(**other))()) and found.computed == 3
    is_kept = other != {"frozen_stages": 0}
    assert (found.network.feature_cache is not None) is (set(tmp_path.iterdir()) != folders) is is_kept


def test_a_damaged_file_is_named_and_computed_again(tmp_path, capsys):
    expected = Counting(tmp_path)()
    (file,) = tmp_path.glob("*/*.safetensors")
    file.write_bytes(flipped(file.read_bytes(), -1))
    again = Counting(tmp_path)
    assert torch.equal(again(), expected) and again.computed == 3
    assert str(file) in capsys.readouterr().err
    assert Counting(tmp_path)().equal(expected)


def test_room_on_the_disk_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(aml.compute.feature_cache, "MAX_BYTES", 1.5 * network().frozen_features(IMAGES).nbytes)
    full = Counting(tmp_path)
    assert full(IMAGES).shape == full(1 - IMAGES).shape == (3, 8)
    assert len(list(tmp_path.glob("*/*.safetensors"))) == 1
    Counting(tmp_path)(1 - IMAGES)  # reopened
    assert len(list(tmp_path.glob("*/*.safetensors"))) == 1


def test_a_full_disk_ends_the_keeping_and_not_the_run(tmp_path, capsys):
    full, expected = Counting(tmp_path), Counting(None)()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))  # no file may grow beyond it
    try:
        assert torch.equal(full(), expected) and torch.equal(full(1 - IMAGES), Counting(None)(1 - IMAGES))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("no more features are cached: [Errno 27] File too large")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_backbone_that_was_used_longest_ago_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(aml.compute.feature_cache, "MAX_BACKBONES", 2)
    folders = []
    for seed in (1, 2):
        folders.append(Counting(tmp_path, network(seed=seed)).network.feature_cache.folder)
        os.utime(folders[-1], (seed, seed))
    Counting(tmp_path, network(seed=1))  # asked again
    third = Counting(tmp_path, network(seed=3)).network.feature_cache.folder
    assert sorted(tmp_path.iterdir()) == sorted([folders[0], third])


def test_training_reads_the_same_features(tmp_path, tmp_path_factory):
    images = read_images(write_sets(tmp_path_factory.mktemp("sets")) / "train")
    tensors = ImageTensors(images, image_size=32, normalisation={"mean": [0.5] * 3, "std": [0.5] * 3})
    rows = np.arange(40)
    sources = [
        FeatureSource(network(), tensors, rows, num_workers=0, cache=folder) for folder in (None, tmp_path, tmp_path)
    ]
    assert len(list(tmp_path.glob("*/*.safetensors"))) == len({size_of(row) for row in rows})  # a batch of each
    for source in sources[1:]:
        assert all(torch.equal(source.features[row], sources[0].features[row]) for row in rows)
    assert not any(source.network.feature_cache for source in sources)
    assert folded(sources[1].network).feature_cache is None
