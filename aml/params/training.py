"""Sections `train_teacher`, `train_student` and `distill`: how networks are trained (METHOD, Sec. 3)."""

from dataclasses import dataclass
from typing import Annotated

from aml.compute.device import Precision
from aml.params.reading import BatchSize, Count, ImageSize, NotNegative, Positive, Seed, Within


@dataclass(frozen=True)
class TrainingSettings:
    """How students are distilled (`distill`), by each seed of `grid.seeds`."""

    image_size: ImageSize  # longer side, pixels
    epochs: Annotated[int, Within(1, 100_000)]
    batch_size: BatchSize  # tuples
    learning_rate: Positive  # Adam
    learning_rate_decay: NotNegative  # lr is multiplied by exp(-learning_rate_decay) before each epoch
    weight_decay: NotNegative
    gem_learning_rate_factor: NotNegative  # of GeM's p, which has no weight decay
    pool_size: Count  # images in which an epoch mines its negatives
    precision: Precision


@dataclass(frozen=True)
class StudentSettings(TrainingSettings):
    """How students without teacher are trained (`train_student`), by each seed of `grid.seeds`."""

    loss: dict  # constants of grid.loss_without_teacher, see `aml.params.losses.loss_without_teacher`


@dataclass(frozen=True)
class TeacherSettings(StudentSettings):
    """How teachers are trained (`train_teacher`), each once."""

    seed: Seed


TRAININGS = {"train_teacher": TeacherSettings, "train_student": StudentSettings, "distill": TrainingSettings}
