"""Section `losses`: the constants of each loss, and how the images of its tuples are found."""

from dataclasses import dataclass, fields, make_dataclass
from typing import Annotated, Literal

from aml import losses
from aml.params.reading import Count, Within, of_type, setting

MEMBERS = ("self", "positive", "negatives", "neighbours")  # of a tuple


@dataclass(frozen=True)
class LossSettings:
    """One loss: how its tuples are found, and its constants as the loss's own keyword arguments."""

    label: str
    # hard: labelled pairs and mined negatives; neighbours: an image and its nearest ones by the teacher; else an image
    mining: Literal["hard", "neighbours", "random", "none"]
    num_negatives: Annotated[int, Within(0, 10_000)]
    images_per_epoch: Count  # anchors
    constants: dict  # margins and weights 0 or more, counts 1 or more

    def __post_init__(self):
        for name, value in self.constants.items():
            limit = Within(1 if isinstance(value, int) else 0)
            if not limit.accepts(value):
                raise ValueError(f"{name} is {value}; accepted: {limit}")


def loss_settings(values: dict, name: str) -> LossSettings:
    """Return section `losses.<name>`: what every loss has, and the constants that this loss's own file names.

    Raises ValueError for an unknown loss, and for a constant that is missing, unknown or of the wrong type.
    """
    return _loss_settings(values, name, f"losses.{name}", {})


def loss_without_teacher(values: dict, training: str) -> LossSettings:
    """Return `grid.loss_without_teacher` with the constants of section `<training>.loss`.

    So a constant of a distilled student changes neither teachers nor students without teacher. The tuples come from
    labels: mining is hard. training: "train_teacher" or "train_student". Raises ValueError as `loss_settings` does.
    """
    name = setting(values, "grid.loss_without_teacher", str)
    if losses.has_bank(name):
        raise ValueError(f"params.yaml: grid.loss_without_teacher is {name}; accepted: a loss that needs no teacher")
    return _loss_settings(values, name, f"{training}.loss", {"label": name, "mining": "hard"})


def require_whole_batches(values: dict) -> None:
    """Check that an epoch has an anchor for each tuple of a batch, and a batch the images that its loss compares.

    Raises ValueError: otherwise nothing would train.
    """
    names, alone = setting(values, "grid.losses", list[str]), setting(values, "grid.loss_without_teacher", str)
    used = [("distill", name, f"losses.{name}", loss_settings(values, name)) for name in names]
    for training in ("train_teacher", "train_student"):
        used.append((training, alone, f"{training}.loss", loss_without_teacher(values, training)))
    for training, name, given, loss in used:
        batch_size = setting(values, f"{training}.batch_size", int)
        # dr ranks `length` others of each image; of two images all of rkd's relations are constant; cc, raml need pairs
        smallest = {"dr": loss.constants.get("length", 0) + 1, "rkd": 3, "cc": 2, "raml": 2}.get(name, 1)
        if not smallest <= batch_size <= loss.images_per_epoch:
            raise ValueError(
                f"{training}.batch_size is {batch_size}; accepted: at least {smallest} for {name}, at most "
                f"{loss.images_per_epoch}, which is {given}.images_per_epoch"
            )


def _loss_settings(values: dict, name: str, given: str, fixed: dict) -> LossSettings:
    """Return the settings of loss `name` from the section `given`, which must not have the keys of `fixed`."""
    own, members = losses.constants(name), losses.members(name)
    if unknown := sorted(set(members) - set(MEMBERS)):
        raise ValueError(f"unknown members {unknown} of loss {name!r}; known: {', '.join(MEMBERS)}")
    common = {field.name: field.type for field in fields(LossSettings) if field.name not in (*fixed, "constants")}
    settings = vars(setting(values, given, make_dataclass("Loss", (common | own).items())))
    constants = {key: settings.pop(key) for key in own}
    found = of_type(LossSettings, fixed | settings | {"constants": constants}, given)
    accepted = ["hard", "random", "none"]
    if "neighbours" in members:
        accepted = ["neighbours"]
    elif {"positive", "negatives"} & set(members):
        accepted = ["hard"]  # it needs labels
    if found.mining not in accepted:
        remedy = f"accepted for {name}: {', '.join(accepted)}"
        raise ValueError(f"params.yaml: {given}.mining is {found.mining!r}; {remedy}")
    if "negatives" in members and not found.num_negatives:
        raise ValueError(f"params.yaml: {given}.num_negatives is 0; accepted: 1 or more, as {name} compares with them")
    return found
