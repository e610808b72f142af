"""The losses beyond the paper (METHOD, Sec. 10): the public functions' values, edges, and their inputs."""

import numpy as np
import pytest
import torch

from aml import losses
from aml.training.tuples import nearest_neighbours

CONSTANTS = {
    "csd": {"num_neighbours": 16, "teacher_temperature": 0.01, "student_temperature": 1.0, "weight": 1.0},
    "d3still": {"num_neighbours": 10, "self_weight": 100.0, "inverted_weight": 5.0, "preserved_weight": 1.0},
    "raml": {"asymmetric_weight": 0.7482, "symmetric_weight": 0.6778},
    "rop": {"num_neighbours": 16, "temperature": 0.1, "sharpness": 0.2, "weight": 1.0},
    "cc": {"weight": 1.0},
    "ssp": {"num_subvectors": 4, "num_centroids": 8, "sharpness": 10.0},
}
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


def call(name, anchors, teacher, bank, rows=slice(None)):
    """The loss of the images `rows`; its members are found among all of `teacher`."""
    constants = dict(CONSTANTS[name])
    with torch.autocast("cpu", enabled=False):
        nearest = torch.from_numpy(nearest_neighbours(teacher.numpy(), constants.get("num_neighbours", 1)))
    if name == "ssp":
        constants["bank"] = bank
    return losses.load(name)(anchors[rows], teacher[nearest][rows], **constants)


@pytest.mark.parametrize("name", CONSTANTS)
def test_gives_the_value_of_the_public_function(name, descriptors):
    assert call(name, *descriptors).item() == pytest.approx(PUBLIC[name], abs=1e-9)


@pytest.mark.parametrize(
    ("name", "value"), [("csd", 2.067), ("d3still", 0), ("raml", 0), ("rop", 0.587), ("cc", 0), ("ssp", 0)]
)
def test_a_student_equal_to_its_teacher(name, value, descriptors):
    _, teacher, bank = descriptors
    assert call(name, teacher, teacher, bank).item() == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize("name", CONSTANTS)
def test_the_gradient_is_that_of_the_value(name, descriptors):
    student, teacher, bank = descriptors
    few = student[:6].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda f: call(name, torch.cat([f, student[6:]]), teacher, bank), (few,))


@pytest.mark.parametrize("name", CONSTANTS)
@pytest.mark.parametrize("same", ["the teacher's", "one point"])
def test_coinciding_descriptors_give_a_finite_gradient(name, same, descriptors):
    _, teacher, bank = (tensor.float() for tensor in descriptors)
    anchors = (teacher if same == "the teacher's" else teacher[:1].repeat(32, 1)).clone().requires_grad_()
    call(name, anchors, teacher, bank).backward()
    assert anchors.grad.isfinite().all()


@pytest.mark.parametrize("name", CONSTANTS)
def test_an_empty_batch_is_zero_with_a_graph_and_autocast_stays_in_float32(name, descriptors):
    student, teacher, bank = (tensor.float() for tensor in descriptors)
    anchors = student.clone().requires_grad_()
    loss = call(name, anchors, teacher, bank, rows=slice(0, 0))
    loss.backward()
    assert loss.item() == 0 and anchors.grad.shape == student.shape
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = call(name, student, teacher, bank)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(PUBLIC[name], rel=1e-4)


@pytest.mark.parametrize("name", ["csd", "rop", "d3still"])
def test_compares_with_no_more_neighbours_than_named(name, descriptors):
    student, teacher, _ = descriptors
    nearest = (teacher @ teacher.T).argsort(dim=1, descending=True)
    found = losses.load(name)(student, teacher[nearest], **CONSTANTS[name])
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
