"""Out of memory: half as many at a time, then one sentence. The error is a GPU's, raised here by a function that
refuses more images than it is told to hold."""

import pytest
import torch

from aml.compute.out_of_memory import SmallerBatches


def holding(number: int, seen: list[int]):
    def function(images):
        seen.append(len(images))
        if len(images) > number:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return images.sum((1, 2, 3))[:, None]

    return function


def test_half_as_many_until_they_fit_and_from_then_on(capsys):
    images, seen, pieces = torch.rand(9, 3, 4, 5), [], SmallerBatches("r1m.database")
    assert torch.equal(pieces.map(holding(9, seen), images), images.sum((1, 2, 3))[:, None])
    assert torch.equal(pieces.map(holding(2, seen), images), images.sum((1, 2, 3))[:, None])
    assert seen == [9, 9, 4, 2, 2, 2, 2, 1]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "r1m.database: out of memory with 9 inputs of shape (3, 4, 5) at a time; going on with 4",
        "r1m.database: out of memory with 4 inputs of shape (3, 4, 5) at a time; going on with 2",
    ]
    seen.clear()
    pieces.map(holding(2, seen), images[:3])
    assert seen == [2, 1] and capsys.readouterr().err == ""
    with pytest.raises(IndexError):  # another error is not caught
        pieces.map(lambda piece: piece[9], images)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_one_that_does_not_fit_is_one_sentence(number):
    with pytest.raises(ValueError, match=r"x: not even one input of shape \(3, 4, 5\) at a time fits .* image_size"):
        SmallerBatches("x").map(holding(0, []), torch.rand(number, 3, 4, 5))
