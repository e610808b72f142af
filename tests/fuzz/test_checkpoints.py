"""The converter, with a backbone of one layer in the place of MobileNetV2's 18, so that inputs take milliseconds."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from aml.networks import backbones
from aml.networks.backbones import IMAGENET, Backbone, mobilenet_v2
from aml.pretrained.conversion import convert
from tests.fuzz.inputs import PLAIN, altered, damaged, fuzzed
from tests.fuzz.watch import ends_well
from tests.pretrained.published_files import META

BACKBONE = Backbone(lambda: [nn.Conv2d(3, 4, 1)], IMAGENET)
STATE = {
    "features.0.0.weight": torch.ones(4, 3, 1, 1), "features.0.0.bias": torch.ones(4),
    "features.1.weight": torch.ones(5, 4, 1, 1), "pool.p": torch.full((1,), 3.0),
}  # fmt: skip
WHITENING = {"m": np.ones((5, 1)), "P": np.asfortranarray(np.eye(5))}
CONTENT = {
    "meta": META | {"architecture": "mobilenet_v2", "Lw": {"retrieval-SfM-120k": {"ms": WHITENING}}},
    "state_dict": STATE, "epoch": 1, "min_loss": np.float64(0.5), "optimizer": {"state": {0: {"step": torch.ones(1)}}},
}  # fmt: skip
TENSORS = [
    torch.zeros(0), torch.tensor(3.0), torch.ones(5, 4, 1, 1, dtype=torch.int8), torch.ones(5, 4, 1, 1) * float("nan"),
    torch.ones(3, dtype=torch.bfloat16), torch.ones(1).expand(9), torch.ones(5, 4).t(), torch.ones(1, dtype=torch.bool),
    torch.ones(900, 4, 1, 1, dtype=torch.uint8), nn.Parameter(torch.ones(5)),
]  # fmt: skip
ARRAYS = [
    np.eye(5, dtype=np.float32),
    np.array([1, "a"], dtype=object),
    np.ones((5, 5, 1)),
    np.array(["x"]),
    np.ones(3),
]
PARTS = st.one_of(PLAIN, st.sampled_from(TENSORS), st.sampled_from(ARRAYS))


def saved(content, *, is_zip: bool) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=is_zip)
    return file.getvalue()


ZIPPED, OLD = saved(CONTENT, is_zip=True), saved(CONTENT, is_zip=False)

pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol", "ignore:.*overly large repr")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mobilenet_v2, "BACKBONE", BACKBONE)
        patch.setattr(backbones, "channels", lambda name: [4])
        yield tmp_path_factory.mktemp("checkpoints")


def converted(folder, data):
    path = folder / "x.pth"
    path.write_bytes(data)
    return ends_well(lambda: convert(path, None, backbone="mobilenet_v2"), folder)


@pytest.mark.parametrize("whole", [ZIPPED, OLD], ids=["zip", "old"])
def test_what_is_whole_is_converted(folder, whole):
    found = converted(folder, whole)
    assert found.network.dimension == 5 and found.whitening.projection.tolist() == np.eye(5).tolist()


@fuzzed
@given(data=damaged(ZIPPED, OLD))
def test_damaged_files(folder, data):
    """The older format has no checksums: there the damage comes to the unpickler."""
    converted(folder, data)


@fuzzed
@given(content=altered(CONTENT, PARTS), is_zip=st.booleans())
def test_other_contents(folder, content, is_zip):
    found = converted(folder, saved(content, is_zip=is_zip))
    if found:
        assert found.whitening.projection.shape == (found.network.dimension,) * 2
