"""What params.yaml says about a dataset: which raw layout it has, where its files come from, what must be in them."""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from aml.params.reading import of_type, require_within, section, typed
from aml.params.sources import SourceFile, require_files, source_files

ON_BAD_IMAGE = ("error", "exclude", "fill")
MOST_ARCHIVES = 1000  # R1M has 100
# what synthetic can draw; a test compares the two
DRAWN_SIZES = (32, 2048)
KINDS = ("cathedral", "church", "palace", "dome", "tower", "arch", "castle", "block")
NUM_STONES = 8
MOST_DRAWN = 100_000


@dataclass(frozen=True)
class SyntheticTraining:
    seed: int
    image_size: int  # longer side, pixels
    num_train_landmarks: int
    num_val_landmarks: int
    num_whitening_landmarks: int
    views_per_landmark: int

    def __post_init__(self):
        require_within(self, seed=(0, inf), image_size=DRAWN_SIZES, views_per_landmark=(2, MOST_DRAWN))
        require_within(self, num_train_landmarks=(1, MOST_DRAWN), num_val_landmarks=(1, MOST_DRAWN))
        require_within(self, num_whitening_landmarks=(1, self.num_train_landmarks))


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

    def __post_init__(self):
        require_within(self, seed=(0, inf), image_size=DRAWN_SIZES, num_other=(0, MOST_DRAWN))
        counts = ("num_landmarks", "queries_per_landmark", "views_per_landmark")
        require_within(self, **dict.fromkeys(counts, (1, MOST_DRAWN)))
        for name, known in (("kinds", KINDS), ("palette", tuple(range(NUM_STONES)))):
            values = getattr(self, name)
            if not values or not set(values) <= set(known):
                raise ValueError(f"{name} is {values}; accepted: one or more of {', '.join(map(str, known))}")


@dataclass(frozen=True)
class SyntheticDistractors:
    seed: int
    image_size: int
    num_images: int

    def __post_init__(self):
        require_within(self, seed=(0, inf), image_size=DRAWN_SIZES, num_images=(1, 100 * MOST_DRAWN))


@dataclass(frozen=True)
class TrainingSet:
    """The layout of retrieval-SfM-120k: ims.tar.gz, <lists>.pkl and <lists>-whiten.pkl."""

    counts: ClassVar = ("train_images", "train_pairs", "val_images", "val_pairs")
    label: str
    layout: str
    lists: str  # stem of the .pkl files
    expected: dict | None  # some of `counts`, on which preprocess insists
    on_bad_image: str
    sources: list[dict] | None
    synthetic: dict | None

    def needed(self, name: str) -> list[str]:
        return ["ims.tar.gz", f"{self.lists}.pkl", f"{self.lists}-whiten.pkl"]


@dataclass(frozen=True)
class TestSet:
    """The layout of the revisited Oxford and Paris sets: gnd_<name>.pkl and archives, all that are named."""

    counts: ClassVar = ("queries", "database", "images")  # images: in the archives, listed or not
    label: str
    layout: str
    expected: dict | None
    sources: list[dict] | None
    synthetic: dict | None

    def needed(self, name: str) -> list[str]:
        return [f"gnd_{name}.pkl", ".tgz"]


@dataclass(frozen=True)
class Distractors:
    """The layout of R1M: <list>.txt and revisitop1m.<number>.tar.gz."""

    label: str
    layout: str
    list: str  # stem of the .txt file
    archives_in_all: int  # hold the whole list
    archives: int  # the first so many are used; 0: no distractors
    expected: int | None  # names in the list
    on_bad_image: str
    sources: list[dict] | None
    synthetic: dict | None

    def __post_init__(self):
        require_within(self, archives_in_all=(1, MOST_ARCHIVES), expected=(0, inf))
        if not 0 <= self.archives <= self.archives_in_all:
            raise ValueError(f"archives is {self.archives}; accepted: 0 to {self.archives_in_all} (archives_in_all)")

    def needed(self, name: str) -> list[str]:
        numbers = range(1, self.archives + 1)
        return [f"{self.list}.txt", *(f"revisitop1m.{number}.tar.gz" for number in numbers)] if self.archives else []


LAYOUTS = {  # layout -> its settings, and what draws it
    "sfm": (TrainingSet, SyntheticTraining),
    "revisited": (TestSet, SyntheticTest),
    "distractors": (Distractors, SyntheticDistractors),
}


def dataset_settings(values: dict, name: str):
    """Section `datasets.<name>` as the class of its layout; what draws it as that class, or None; and the files to
    fetch, name -> places ({} for a drawn set and for distractors of which no archive is used).

    Raises ValueError for an unknown layout, field or value, and unless exactly one of sources and synthetic is given.
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
    _check_expected(settings, f"{place}.expected")
    if (settings.sources is None) is (settings.synthetic is None):
        given = "neither" if settings.sources is None else "both"
        raise ValueError(f"params.yaml: {place} has {given} of sources and synthetic; exactly one is accepted")
    if settings.synthetic is not None:
        return settings, typed(synthetic_class, settings.synthetic, f"{place}.synthetic"), {}
    return settings, None, _files(settings, name, f"{place}.sources")


def _check_expected(settings, place):
    for count, number in settings.expected.items() if isinstance(settings.expected, dict) else []:
        if count not in settings.counts:
            raise ValueError(f"unknown count {count!r} in params.yaml: {place}; known: {', '.join(settings.counts)}")
        if of_type(int, number, f"{place}.{count}") < 0:
            raise ValueError(f"params.yaml: {place}.{count} is {number}; accepted: 0 or more")


def _files(settings, name, place):
    entries = [typed(SourceFile, entry, f"{place}[{i}]") for i, entry in enumerate(settings.sources)]
    needed = settings.needed(name)
    try:
        files = source_files(entries, numbers=getattr(settings, "archives", 0))
        require_files(files, needed)
    except ValueError as error:
        raise ValueError(f"params.yaml: {place}: {error}") from None
    return files if needed else {}
