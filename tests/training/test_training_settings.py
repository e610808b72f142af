"""What params.yaml says about training: whose constants a loss has."""

import pytest

from aml.params.losses import loss_settings, loss_without_teacher
from aml.params.reading import read_parameters
from tests import ROOT


@pytest.fixture
def values():
    return read_parameters(ROOT / "params.yaml")


@pytest.mark.parametrize("training", ["train_teacher", "train_student"])
def test_who_has_no_teacher_has_constants_of_its_own(values, training):
    values["losses"]["contr"] |= {"margin": 0.8, "num_negatives": 7, "images_per_epoch": 11}
    number = values[training]["loss"]["images_per_epoch"]
    own = loss_without_teacher(values, training)
    assert (own.constants, own.num_negatives, own.images_per_epoch, own.mining) == ({"margin": 0.7}, 5, number, "hard")
    values[training]["loss"] |= {"margin": 0.9, "num_negatives": 3}
    own = loss_without_teacher(values, training)
    assert (own.constants, own.num_negatives) == ({"margin": 0.9}, 3)
    assert loss_settings(values, "contr").constants == {"margin": 0.8}


def test_a_loss_of_unknown_members_is_refused(values, monkeypatch):
    monkeypatch.setattr("aml.losses.members", lambda name: ("self", "anchor"))
    with pytest.raises(
        ValueError, match=r"unknown members \['anchor'\] of loss 'reg'; known: self, positive, negatives"
    ):
        loss_settings(values, "reg")
