"""What params.yaml says about training; read without torch."""

from dataclasses import dataclass
from math import inf
from types import SimpleNamespace

from aml import losses
from aml.compute.device import Precision
from aml.networks.backbones import channels
from aml.params.reading import BATCH_SIZES, IMAGE_SIZES, of_type, require_positive, require_within, section, typed

MINING = ("hard", "random", "none")
SOURCES = ("train", "published")  # trained here, or as its authors published it


@dataclass(frozen=True)
class TrainingSettings:
    """How students are distilled (`distill`), by each seed of `grid.seeds`; METHOD, Sec. 3."""

    image_size: int  # longer side, pixels
    epochs: int
    batch_size: int  # tuples
    learning_rate: float  # Adam
    learning_rate_decay: float  # lr is multiplied by exp(-learning_rate_decay) before each epoch
    weight_decay: float
    gem_learning_rate_factor: float  # of GeM's p, which has no weight decay
    pool_size: int  # images in which an epoch mines its negatives
    precision: Precision

    def __post_init__(self):
        require_within(self, image_size=IMAGE_SIZES, batch_size=BATCH_SIZES, epochs=(1, 100_000))
        require_within(self, learning_rate_decay=(0, inf), weight_decay=(0, inf), gem_learning_rate_factor=(0, inf))
        require_within(self, pool_size=(1, inf))
        require_positive(self, "learning_rate")


@dataclass(frozen=True)
class StudentSettings(TrainingSettings):
    """How students without teacher are trained (`train_student`), by each seed of `grid.seeds`."""

    loss: dict  # constants of grid.loss_without_teacher, see `loss_without_teacher`


@dataclass(frozen=True)
class TeacherSettings(StudentSettings):
    """How teachers are trained (`train_teacher`), each once."""

    seed: int

    def __post_init__(self):
        super().__post_init__()
        require_within(self, seed=(0, inf))


TRAININGS = {"train_teacher": TeacherSettings, "train_student": StudentSettings, "distill": TrainingSettings}


@dataclass(frozen=True)
class LossSettings:
    """One loss: how its tuples are found, and its constants as the loss's own keyword arguments."""

    label: str
    mining: str  # hard: labelled pairs and mined negatives; none, random: images without labels
    num_negatives: int
    images_per_epoch: int  # anchors
    constants: dict

    def __post_init__(self):
        if self.mining not in MINING:
            raise ValueError(f"mining is {self.mining!r}; accepted: {', '.join(MINING)}")
        require_within(self, images_per_epoch=(1, inf), num_negatives=(0, 10_000))
        # margins, weights and counts
        limits = {name: (1 if isinstance(value, int) else 0, inf) for name, value in self.constants.items()}
        require_within(SimpleNamespace(**self.constants), **limits)


@dataclass(frozen=True)
class NetworkSettings:
    """One network; `stages` and `frozen_stages` count the backbone's stages from the image on."""

    label: str
    backbone: str
    stages: int
    frozen_stages: int
    gem_p: float  # GeM's power before training
    source: str  # SOURCES; only a teacher can be published

    def __post_init__(self):
        given = channels(self.backbone)
        if not 1 <= self.stages <= len(given):
            raise ValueError(f"stages is {self.stages}; accepted: 1 to {len(given)}, those of {self.backbone}")
        if not 0 <= self.frozen_stages <= self.stages:
            raise ValueError(f"frozen_stages is {self.frozen_stages}; accepted: 0 to stages, which is {self.stages}")
        require_positive(self, "gem_p")
        if self.source not in SOURCES:
            raise ValueError(f"source is {self.source!r}; accepted: {', '.join(SOURCES)}")

    @property
    def dimension(self) -> int:
        """Of the backbone's output, and so of a teacher's descriptors."""
        return channels(self.backbone)[self.stages - 1]


def network_settings(values: dict, name: str) -> NetworkSettings:
    """Section `networks.<name>`. Raises ValueError for an unknown backbone and stages that it doesn't have."""
    return typed(NetworkSettings, section(values, f"networks.{name}"), f"networks.{name}")


def teacher_dimensions(values: dict, teachers: list[str]) -> list[int]:
    """The dimensions of the teachers' descriptors in their order, each once."""
    return list(dict.fromkeys(network_settings(values, name).dimension for name in teachers))


def loss_settings(values: dict, name: str) -> LossSettings:
    """Section `losses.<name>`: what every loss has, and the constants that this loss's own file names.

    Raises ValueError for an unknown loss, a constant that is missing, unknown or of the wrong type.
    """
    return _loss_settings(values, name, f"losses.{name}", {})


def loss_without_teacher(values: dict, training: str) -> LossSettings:
    """`grid.loss_without_teacher` with the constants of section `<training>.loss`, so that a constant of a distilled
    student changes neither teachers nor students without teacher. Its tuples come from labels: mining is hard.

    training: "train_teacher" or "train_student". Raises ValueError as `loss_settings` does.
    """
    name = of_type(str, section(values, "grid.loss_without_teacher"), "grid.loss_without_teacher")
    return _loss_settings(values, name, f"{training}.loss", {"label": name, "mining": "hard"})


def require_whole_batches(values: dict) -> None:
    """Raises ValueError where an epoch has fewer anchors than a batch, so that nothing would train, or a batch fewer
    images than its loss compares."""
    grid = of_type(dict, section(values, "grid"), "grid")
    for name in grid["losses"]:
        _require_whole_batches(values, "distill", name, loss_settings(values, name), f"losses.{name}")
    for training in ("train_teacher", "train_student"):
        loss = loss_without_teacher(values, training)
        _require_whole_batches(values, training, grid["loss_without_teacher"], loss, f"{training}.loss")


def _require_whole_batches(values: dict, training: str, name: str, loss: LossSettings, place: str) -> None:
    batch_size = of_type(int, section(values, f"{training}.batch_size"), f"{training}.batch_size")
    # dr ranks `length` others of each image; of two images all of rkd's relations are constant
    smallest = {"dr": loss.constants.get("length", 0) + 1, "rkd": 3}.get(name, 1)
    if not smallest <= batch_size <= loss.images_per_epoch:
        raise ValueError(
            f"{training}.batch_size is {batch_size}; accepted: at least {smallest} for {name}, at most "
            f"{loss.images_per_epoch}, which is {place}.images_per_epoch"
        )


def _loss_settings(values: dict, name: str, place: str, fixed: dict) -> LossSettings:
    """The section at `place` as settings of loss `name`; `fixed` are those that the section doesn't have."""
    own = losses.constants(name)
    given = of_type(dict, section(values, place), place)
    for key in given:
        if key in fixed:
            raise ValueError(f"unknown {key!r} in params.yaml: {place}; accepted: only under losses.{name}")
    constants = {key: of_type(kind, section(values, f"{place}.{key}"), f"{place}.{key}") for key, kind in own.items()}
    rest = {key: value for key, value in given.items() if key not in own}
    settings, members = typed(LossSettings, {**fixed, **rest, "constants": constants}, place), losses.members(name)
    if {"positive", "negatives"} & set(members) and settings.mining != "hard":
        raise ValueError(f"params.yaml: {place}.mining is {settings.mining!r}; accepted: hard, as {name} needs labels")
    if "negatives" in members and not settings.num_negatives:
        raise ValueError(f"params.yaml: {place}.num_negatives is 0; accepted: 1 or more, as {name} compares with them")
    return settings
