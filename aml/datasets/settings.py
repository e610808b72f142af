"""What params.yaml says about a dataset: which raw layout it has, where its files come from, what must be in them."""

from dataclasses import dataclass

from aml.storage.parameters import of_type, section, typed

ON_BAD_IMAGE = ("error", "exclude")


@dataclass(frozen=True)
class SyntheticTraining:
    seed: int
    image_size: int  # longer side, pixels
    num_train_landmarks: int
    num_val_landmarks: int
    num_whitening_landmarks: int
    views_per_landmark: int


@dataclass(frozen=True)
class SyntheticTest:
    seed: int
    image_size: int
    num_landmarks: int
    queries_per_landmark: int
    views_per_landmark: int  # database images
    num_other: int  # database images of other landmarks and of none
    kinds: list[str]  # of buildings
    palette: list[int]  # of stones


@dataclass(frozen=True)
class SyntheticDistractors:
    seed: int
    image_size: int
    num_images: int
    num_archives: int


@dataclass(frozen=True)
class TrainingSet:
    """The layout of retrieval-SfM-120k."""

    label: str
    layout: str
    lists: str  # stem of the .pkl files
    expected: dict | None  # counts that preprocess insists on
    on_bad_image: str
    synthetic: dict | None


@dataclass(frozen=True)
class TestSet:
    """The layout of the revisited Oxford and Paris sets."""

    label: str
    layout: str
    expected: dict | None
    synthetic: dict | None


@dataclass(frozen=True)
class Distractors:
    """The layout of the revisited distractors."""

    label: str
    layout: str
    list: str  # stem of the .txt file
    archives: int  # the first so many are used
    expected: int | None  # names in the list
    on_bad_image: str
    synthetic: dict | None


LAYOUTS = {  # layout -> its settings, and what draws it
    "sfm": (TrainingSet, SyntheticTraining),
    "revisited": (TestSet, SyntheticTest),
    "distractors": (Distractors, SyntheticDistractors),
}


def dataset_settings(values: dict, name: str):
    """Section `datasets.<name>` as the class of its layout, `synthetic` as the class that draws it (or None).

    Raises ValueError for an unknown layout, field or value.
    """
    place = f"datasets.{name}"
    layout = of_type(str, section(values, f"{place}.layout"), f"{place}.layout")
    if layout not in LAYOUTS:
        raise ValueError(f"unknown layout {layout!r} in params.yaml: {place}; known: {', '.join(LAYOUTS)}")
    layout_class, synthetic_class = LAYOUTS[layout]
    settings = typed(layout_class, section(values, place), place)
    bad = getattr(settings, "on_bad_image", "error")
    if bad not in ON_BAD_IMAGE:
        raise ValueError(f"params.yaml: {place}.on_bad_image is {bad!r}; accepted: {', '.join(ON_BAD_IMAGE)}")
    synthetic = settings.synthetic and typed(synthetic_class, settings.synthetic, f"{place}.synthetic")
    return settings, synthetic
