"""The losses beyond the paper (METHOD, Sec. 10): the public functions' values, edges, and their inputs."""

import numpy as np
import pytest
import torch

from aml import losses
from aml.training.tuples import nearest_neighbours
from tests.losses.test_losses import BEYOND

# of the public functions on the descriptors below, but for cc and ssp, which were written anew from their lines
PUBLIC = {
    "csd": 2.1157331740389425,
    "d3still": 3.9081741483487558,
    "raml": 0.02306230625021,
    "rop": 0.902067397660246,
    "cc": 0.08715547630770,
    "ssp": 0.5784602806575412,
}


def unit(values):
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def descriptors():
    """The student's and the teacher's descriptors (32, 16) and a bank (4, 8, 4), float64."""
    rng = np.random.default_rng(0)
    student, other = unit(rng.standard_normal((32, 16))), rng.standard_normal((32, 16))
    first = np.random.default_rng(0).standard_normal((32, 16))
    teacher = unit(0.7 * first + 0.3 * other)
    return tuple(torch.from_numpy(array) for array in (student, teacher, rng.standard_normal((4, 8, 4))))


def call(name, anchors, teacher, bank):
    constants = BEYOND[name] | ({"bank": bank} if name == "ssp" else {})
    nearest = torch.from_numpy(nearest_neighbours(teacher.numpy(), constants.get("num_neighbours", 1)))
    return losses.load(name)(anchors, teacher[nearest], **constants)


@pytest.mark.parametrize("name", BEYOND)
def test_gives_the_value_of_the_public_function(name, descriptors):
    assert call(name, *descriptors).item() == pytest.approx(PUBLIC[name], abs=1e-9)


@pytest.mark.parametrize("name", ["csd", "rop", "d3still"])
def test_compares_with_no_more_neighbours_than_named(name, descriptors):
    student, teacher, _ = descriptors
    nearest = (teacher @ teacher.T).argsort(dim=1, descending=True)
    found = losses.load(name)(student, teacher[nearest], **BEYOND[name])
    assert found.item() == pytest.approx(PUBLIC[name], rel=1e-9)


def test_a_bank_is_made_of_centroids_of_the_parts():
    points = np.repeat(np.eye(8, dtype=np.float32), 4, axis=0)  # 32 descriptors, 8 different ones
    constants = {"num_subvectors": 2, "num_centroids": 4, "sharpness": 10.0}
    bank = losses.make_bank("ssp", points, constants)["bank"]
    assert bank.shape == (2, 4, 4) and torch.equal(bank, losses.make_bank("ssp", points, constants)["bank"])
    for part in range(2):
        distances = torch.cdist(torch.from_numpy(points[:, 4 * part : 4 * part + 4]), bank[part])
        assert distances.min(dim=1).values.square().mean() < 0.25  # of one centroid: 0.44
    assert losses.make_bank("reg", points, {}) == {}


@pytest.mark.parametrize("wrong", [{"num_subvectors": 3}, {"num_centroids": 6}, {"num_centroids": 64}])
def test_a_bank_that_cannot_be_learned_or_has_another_shape_is_refused(wrong, descriptors):
    constants = {"num_subvectors": 2, "num_centroids": 4, "sharpness": 10.0}
    with pytest.raises(ValueError, match=r"^ssp: num_subvectors .* accepted: a divisor of 8"):
        losses.make_bank("ssp", np.eye(8), constants | wrong)
    student, teacher, bank = descriptors
    with pytest.raises(ValueError, match=r"^ssp: bank \(4, 8, 4\); accepted: \(2, 4, 16 / 2\)"):
        losses.load("ssp")(student, teacher.unsqueeze(1), bank=bank, **constants)
