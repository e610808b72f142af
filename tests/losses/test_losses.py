"""Each loss against naive loops of its equation, the authors' values, and its edges."""

from pathlib import Path

import numpy as np
import pytest
import torch

from aml import losses

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "losses.npz"
CONSTANTS = {
    "contr": {"margin": 0.7},
    "contr_plus": {"margin": 0.7},
    "contr_pos": {},
    "contr_pos_self": {},
    "triplet": {"margin": 0.1},
    "ms": {"alpha": 2.0, "beta": 40.0, "threshold": 0.5},
    "reg": {},
    "rkd": {"distance_weight": 1.0, "angle_weight": 2.0},
    "dr": {"alpha": 3.0, "beta": 3.0, "length": 4},
}
BEYOND = {  # the paper's
    "csd": {"num_neighbours": 16, "teacher_temperature": 0.01, "student_temperature": 1.0, "weight": 1.0},
    "d3still": {"num_neighbours": 10, "self_weight": 100.0, "inverted_weight": 5.0, "preserved_weight": 1.0},
    "raml": {"asymmetric_weight": 0.7482, "symmetric_weight": 0.6778},
    "rop": {"num_neighbours": 16, "temperature": 0.1, "sharpness": 0.2, "weight": 1.0},
    "cc": {"weight": 1.0},
    "ssp": {"num_subvectors": 4, "num_centroids": 8, "sharpness": 10.0},
}
ALL = CONSTANTS | BEYOND
BANK = torch.from_numpy(np.random.default_rng(0).standard_normal((4, 8, 4)))  # of ssp


def unit(generator, *shape):
    return torch.nn.functional.normalize(torch.randn(*shape, generator=generator, dtype=torch.float64), dim=-1)


@pytest.fixture
def batch():
    """Anchors (8, 16) with gradient and references (8, 7, 16) near them, so that every margin is met by some."""
    generator = torch.Generator().manual_seed(3)
    anchors = unit(generator, 8, 16)
    spread = torch.rand(8, 7, 1, generator=generator, dtype=torch.float64)
    references = torch.nn.functional.normalize(anchors.unsqueeze(1) + spread * unit(generator, 8, 7, 16), dim=-1)
    return anchors.requires_grad_(), references


def call(name, anchors, references):
    bank = {"bank": BANK} if name == "ssp" else {}
    return losses.load(name)(anchors, references, **ALL[name], **bank)


# ---- naive loops of the equations, on lists of numpy vectors


def half_squared(a, x):
    return sum((a[i] - x[i] + 1e-6) ** 2 for i in range(len(a))) / 2


def naive_contr(a, x, margin):
    total = half_squared(a, x[1])
    for negative in x[2:]:
        total += max(0.0, margin - np.sqrt(2 * half_squared(a, negative))) ** 2 / 2
    return total


def naive_triplet(a, x, margin):
    positive = np.linalg.norm(a - x[1]) ** 2
    return sum(max(0.0, positive - np.linalg.norm(a - negative) ** 2 + margin) for negative in x[2:])


def naive_ms(a, x, alpha, beta, threshold):
    pull = np.log(1 + np.exp(-alpha * (a @ x[1] - threshold))) / alpha
    push = np.log(1 + sum(np.exp(beta * (a @ negative - threshold)) for negative in x[2:])) / beta
    return pull + push


NAIVE = {
    "contr": naive_contr,
    "contr_plus": lambda a, x, margin: half_squared(a, x[0]) + naive_contr(a, x, margin),
    "contr_pos": lambda a, x: half_squared(a, x[1]),
    "contr_pos_self": lambda a, x: half_squared(a, x[0]) + half_squared(a, x[1]),
    "triplet": naive_triplet,
    "ms": naive_ms,
    "reg": lambda a, x: half_squared(a, x[0]),
}


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("name", NAIVE)
def test_sums_its_equation_over_the_tuples(name, count, batch):
    anchors, references = (tensor[:count] for tensor in batch)
    tuples = zip(anchors.detach().numpy(), references.numpy(), strict=True)
    expected = sum(NAIVE[name](a, x, **CONSTANTS[name]) for a, x in tuples)
    assert expected > 0
    assert call(name, anchors, references).item() == pytest.approx(expected, rel=1e-12)


def parity_cases():
    with np.load(PARITY) as file:
        return sorted(key.removesuffix("/value") for key in file.files if key.endswith("/value") and key.count("/") > 1)


@pytest.mark.parametrize("case", parity_cases())
def test_agrees_with_the_authors_per_tuple(case):
    name, sides, *margin = case.split("/")
    constants = dict(CONSTANTS[name])
    if "margin" in constants:
        constants["margin"] = float(margin[0].removeprefix("margin"))
    with np.load(PARITY) as file:
        student = torch.from_numpy(file["student"])
        references = student if sides == "sym" else torch.from_numpy(file["teacher"])
        value, gradient = file[f"{case}/value"], file[f"{case}/anchor_grad"]
    for row in range(len(student)):
        anchors = student[row : row + 1, 0].clone().requires_grad_()
        loss = losses.load(name)(anchors, references[row : row + 1], **constants)
        loss.backward()
        np.testing.assert_allclose(loss.item(), value[row], rtol=1e-6)
        assert np.abs(anchors.grad[0].numpy() - gradient[row]).max() <= 1e-6 * np.abs(gradient[row]).max()


@pytest.mark.parametrize("name", ["rkd", "dr"])
def test_agrees_with_the_authors_per_batch(name):
    with np.load(PARITY) as file:
        anchors = torch.from_numpy(file["batch_student"]).requires_grad_()
        loss = call(name, anchors, torch.from_numpy(file["batch_teacher"]).unsqueeze(1))
        loss.backward()
        np.testing.assert_allclose(loss.item(), file[f"{name}/value"], rtol=1e-10)
        gradient = file[f"{name}/grad"]
    assert np.abs(anchors.grad.numpy() - gradient).max() <= 1e-10 * np.abs(gradient).max()


@pytest.mark.parametrize(("name", "count"), [*((name, 0) for name in ALL), ("rkd", 1), ("cc", 1)])
def test_a_batch_without_tuples_or_relations_is_zero_with_a_graph(name, count):
    anchors = torch.ones(count, 16, requires_grad=True)
    loss = call(name, anchors, torch.zeros(count, 7, 16))
    assert loss.shape == () and loss.item() == 0
    loss.backward()
    assert anchors.grad.shape == (count, 16) and not anchors.grad.any()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("same", ["student", "teacher", "both", "all"])
def test_identical_images_give_a_finite_and_bounded_gradient(name, dtype, same, batch):
    anchors, references = (tensor.detach().clone().to(dtype) for tensor in batch)
    if same in ("student", "both"):
        anchors[1] = anchors[0]
    if same in ("teacher", "both"):
        references[1] = references[0]
    if same == "all":
        anchors[:], references[:] = anchors[0], anchors[0]  # D(a, n) = 0 as well
    anchors.requires_grad_()
    loss = call(name, anchors, references)
    loss.backward()
    assert torch.isfinite(loss) and anchors.grad.abs().max() < 100


def test_a_negative_at_distance_zero_counts_in_full_without_gradient_and_ms_does_not_overflow():
    anchors = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)  # so that 0 - 1e-6 + 1e-6 is exactly 0
    references = torch.zeros(1, 3, 3, dtype=torch.float64)
    references[:, 2] = 1e-6
    loss = losses.load("contr")(anchors, references, margin=0.7)
    loss.backward()
    assert loss.item() == pytest.approx(0.7**2 / 2, rel=1e-6)
    assert anchors.grad.abs().max() < 1e-5
    anchors = torch.eye(4)[:1].requires_grad_()
    references = torch.eye(4)[[0, 0, 0, 1]].unsqueeze(0)
    loss = losses.load("ms")(anchors, references, alpha=2000.0, beta=4000.0, threshold=0.5)
    loss.backward()
    assert loss.item() == pytest.approx(0.5, rel=1e-6) and torch.isfinite(anchors.grad).all()


@pytest.mark.parametrize("name", ALL)
def test_the_gradient_is_that_of_the_value(name, batch):
    anchors, references = batch
    assert torch.autograd.gradcheck(lambda a: call(name, a, references[:6]), (anchors[:6].detach().requires_grad_(),))


@pytest.mark.parametrize("name", CONSTANTS)
def test_members_that_the_equation_does_not_name_do_not_matter(name, batch):
    """And no gradient flows into the teacher of a loss that relates the anchors' own references."""
    anchors, references = batch
    members = losses.members(name) or ("self",)
    changed = references.clone()
    for member, places in (("self", [0]), ("positive", [1]), ("negatives", [2, 3, 4, 5, 6])):
        if member not in members:
            changed[:, places] = changed[:, places].flip(0)
    assert call(name, anchors, changed).item() == call(name, anchors, references).item()
    references.requires_grad_()
    call(name, anchors, references).backward()
    assert anchors.grad.abs().max() > 0
    used, gradient = {0: "self", 1: "positive"}, references.grad
    touched = set() if gradient is None else {used.get(i, "negatives") for i in range(7) if gradient[:, i].any()}
    assert touched == set(losses.members(name))


@pytest.mark.parametrize(
    ("name", "anchors", "references", "accepted"),
    [
        ("reg", (8, 16), (8, 7, 15), r"\(B, D\) and \(B, M, D\)"),
        ("reg", (8, 16), (7, 7, 16), r"\(B, D\)"),
        ("reg", (8, 16), (8, 16), r"\(B, D\)"),
        ("reg", (16,), (8, 7, 16), r"\(B, D\)"),
        ("rkd", (8, 16), (8, 0, 16), ".* M >= 1: anchor"),
        ("contr_pos_self", (8, 16), (8, 1, 16), ".* M >= 2: anchor, positive"),
        ("contr", (8, 16), (8, 2, 16), ".* M >= 3: anchor, positive, negatives"),
        ("dr", (4, 16), (4, 1, 16), r"length >= 1, length \+ 1 images"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(name, anchors, references, accepted):
    with pytest.raises(ValueError, match=rf"^{name}: .*; accepted: {accepted}"):
        call(name, torch.zeros(anchors), torch.ones(references))
