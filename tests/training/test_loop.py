"""The training loop with its calls recorded: which tuples come, what the loss gets, what Adam is told. How many images
pass through the student: test_training_run.py."""

import dataclasses
import math

import numpy as np
import pytest
import torch

import aml.training.loop
from aml.params.losses import LossSettings
from tests.training.test_training_run import CONTR_PLUS, SETTINGS, lists, network, run_of, targets

EPOCHS = 3
RECORDED = dataclasses.replace(SETTINGS, epochs=EPOCHS, weight_decay=0.05)  # 4 tuples a batch, 16 an epoch
REG = LossSettings("Reg", "none", 0, 16, {})
TRAINING, VALIDATION = range(30), range(30, 40)


@dataclasses.dataclass
class Batch:
    """A call of the loss, and the student's descriptors of all images at that moment."""

    rows: np.ndarray  # (B, M)
    own: np.ndarray  # (40, D)
    anchors: np.ndarray
    references: np.ndarray
    constants: dict
    loss: float


class Recording:
    """A training. `batches`: of each epoch, training's and validation's; `steps`: of each epoch, what torch's Adam was
    told, call by call."""

    def __init__(self, tensors, monkeypatch, *, settings=RECORDED, **options):
        self.network = network(1)
        self.loop = run_of(self.network, tensors, settings=settings, **options)
        self.teacher = self.loop.targets
        self.batches, self.steps, objective = {"training": [[]], "validation": [[]]}, [[]], self.loop.objective
        self._images = [tensors.normalised(tensors[row][None], torch.device("cpu")) for row in range(40)]
        self._loss, self._adam = objective.loss, aml.training.loop.adam
        for name, what in (("gradient", "training"), ("value", "validation")):
            monkeypatch.setattr(objective, name, self._noting(getattr(objective, name), self.batches[what]))
        monkeypatch.setattr(objective, "loss", self._called)
        monkeypatch.setattr(aml.training.loop, "adam", self._step)
        self.loop.train(self._next_epoch)
        for epochs in (*self.batches.values(), self.steps):
            assert epochs.pop() == []

    def _noting(self, call, epochs):
        def noting(rows, groups):
            value = call(rows, groups)
            epochs[-1].append(Batch(rows, *self._last, value.item()))
            return value

        return noting

    def _called(self, anchors, references, **constants):
        with torch.no_grad():
            own = torch.cat([self.network(image) for image in self._images])
        self._last = [*(tensor.detach().numpy() for tensor in (own, anchors, references)), constants]
        return self._loss(anchors, references, **constants)

    def _step(self, parameters, *state, lr, weight_decay, **options):
        self.steps[-1].append(([id(parameter) for parameter in parameters], lr, weight_decay))
        self._adam(parameters, *state, lr=lr, weight_decay=weight_decay, **options)

    def _next_epoch(self):
        for epochs in (*self.batches.values(), self.steps):
            epochs.append([])

    def tuples(self, what: str) -> list[np.ndarray]:
        """The tuples (T, M) of each epoch, in their order."""
        return [np.concatenate([batch.rows for batch in batches]) for batches in self.batches[what]]


@pytest.fixture(scope="module", params=[True, False], ids=["with teacher", "without"])
def recorded(request, tensors):
    """A training to look at."""
    with pytest.MonkeyPatch.context() as patch:
        yield Recording(tensors, patch, with_teacher=request.param)


def hardest(anchor: int, anchors: np.ndarray, pool: np.ndarray, images) -> list[int]:
    """By a walk down the ranking of `images` by similarity to the anchor: the first two of new clusters."""
    found, seen = [], {anchor // 3}
    for row in sorted(images, key=lambda row: -(pool[row] @ anchors[anchor])):
        if row // 3 not in seen and len(found) < 2:
            found.append(row)
            seen.add(row // 3)
    return found


def test_the_loss_gets_the_student_s_anchors_and_the_teacher_s_references(recorded):
    """The references in the order of the tuple: the anchor, its positive, its negatives."""
    for what in ("training", "validation"):
        for batch in (batch for batches in recorded.batches[what] for batch in batches):
            references = batch.own if recorded.teacher is None else recorded.teacher
            assert batch.rows.shape == (4, 4) and batch.constants == {"margin": 0.7}
            np.testing.assert_allclose(batch.anchors, batch.own[batch.rows[:, 0]], atol=2e-6)
            np.testing.assert_allclose(batch.references, references[batch.rows], atol=2e-6)
    assert np.abs(batch.own - targets()).max() > 0.1


def test_negatives_are_the_student_s_hardest_of_the_moment(recorded):
    """Among the teacher's descriptors, if there is one; at the start of each epoch, and at its validation. There the
    pool is the whole split."""
    pairs = {
        tuple(pair)
        for split in ("train", "val")
        for pair in zip(*(lists()[f"{split}_{side}"] for side in ("queries", "positives")), strict=True)
    }
    by_teacher = 0
    for what, images in (("training", TRAINING), ("validation", VALIDATION)):
        for batches, tuples in zip(recorded.batches[what], recorded.tuples(what), strict=True):
            own = batches[0].own  # no step is made between the mining and the first batch
            pool = own if recorded.teacher is None else recorded.teacher
            for anchor, positive, *negatives in tuples.tolist():
                assert (anchor, positive) in pairs and anchor in images
                assert negatives == hardest(anchor, own, pool, images)
                by_teacher += negatives == hardest(anchor, targets(), targets(), images)
    assert by_teacher < EPOCHS * (16 + 4) / 2  # the anchors' own network matters


def test_losses_are_means_over_the_tuples_that_passed(tensors, monkeypatch):
    """16 of 18 drawn tuples pass, and 4 of 5 at validation."""
    settings = dataclasses.replace(CONTR_PLUS, images_per_epoch=18)
    recording = Recording(tensors, monkeypatch, loss_settings=settings)
    for what, count in (("training", 16), ("validation", 4)):
        for values, batches in zip(recording.loop.record, recording.batches[what], strict=True):
            assert sum(len(batch.rows) for batch in batches) == count
            mean = sum(batch.loss for batch in batches) / count
            assert values["train_loss" if what == "training" else "validation_loss"] == pytest.approx(mean, rel=1e-12)


def test_recalls_are_of_the_student_s_queries(recorded):
    """Percent of validation images whose nearest other image shows the same landmark: among the student's descriptors,
    and with a teacher among the teacher's."""

    def recall(queries, database):
        nearest = [max(set(VALIDATION) - {row}, key=lambda other: queries[row] @ database[other]) for row in VALIDATION]
        return pytest.approx(10 * sum(row // 3 == other // 3 for row, other in zip(VALIDATION, nearest, strict=True)))

    for values, batches in zip(recorded.loop.record, recorded.batches["validation"], strict=True):
        own, teacher = batches[0].own, recorded.teacher
        assert values["symmetric_recall"] == recall(own, own)
        assert values.get("asymmetric_recall") == (None if teacher is None else recall(own, teacher))
    assert teacher is None or recall(own, own) != recall(own, teacher).expected


@pytest.mark.parametrize("loss, settings", [("contr_plus", CONTR_PLUS), ("reg", REG)])
def test_training_has_new_tuples_at_every_epoch_and_validation_the_same(tensors, monkeypatch, loss, settings):
    """A loss without labels draws images; another seed has other tuples."""
    recording, again, other = (
        Recording(tensors, monkeypatch, loss=loss, loss_settings=settings, seed=seed) for seed in (0, 0, 1)
    )
    anchors = [tuples[:, 0].tolist() for tuples in recording.tuples("training")]
    assert len({tuple(sorted(of_epoch)) for of_epoch in anchors}) == EPOCHS
    first, *others = (tuples[:, :2] for tuples in recording.tuples("validation"))
    assert len(first) == (4 if loss == "contr_plus" else 8)  # of five pairs and ten images
    for tuples in others:
        np.testing.assert_array_equal(tuples, first)
    if loss == "reg":
        for tuples in recording.tuples("training"):
            assert tuples.shape == (16, 1) and len(set(tuples.ravel()) & set(TRAINING)) == 16
    for what in ("training", "validation"):
        tuples, same, others = (one.tuples(what)[0] for one in (recording, again, other))
        np.testing.assert_array_equal(tuples, same)
        assert not np.array_equal(tuples, others)


def test_an_epoch_s_negatives_come_from_its_pool(tensors, monkeypatch):
    """Six images, others at each epoch; at validation all images."""
    recording = Recording(tensors, monkeypatch, settings=dataclasses.replace(RECORDED, pool_size=6))

    def are_hardest(what, images):
        return [
            negatives == hardest(anchor, batches[0].own, targets(), images)
            for batches, tuples in zip(recording.batches[what], recording.tuples(what), strict=True)
            for anchor, _, *negatives in tuples.tolist()
        ]

    pools = [set(tuples[:, 2:].ravel().tolist()) for tuples in recording.tuples("training")]
    assert all(len(pool) <= 6 for pool in pools) and len(set.union(*pools)) > 6
    assert np.mean(are_hardest("training", TRAINING)) < 0.5 and all(are_hardest("validation", VALIDATION))


def test_adam_is_told_the_rate_and_weight_decay_of_each_group(recorded):
    """GeM's power learns ten times as fast, without weight decay; all others that train have it. Both rates decay, from
    before the first epoch on."""
    trained = {id(value): name for name, value in recorded.network.named_parameters() if value.requires_grad}
    for epoch, steps in enumerate(recorded.steps):
        rate = 0.01 * math.exp(-0.1 * (epoch + 1))
        found = [([trained[number] for number in numbers], lr, decay) for numbers, lr, decay in steps]
        rest = [name for name in trained.values() if name != "pool.p"]
        expected = [(rest, pytest.approx(rate), 0.05), (["pool.p"], pytest.approx(10 * rate), 0.0)]
        assert found == 4 * expected
