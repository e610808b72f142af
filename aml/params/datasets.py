"""Section `datasets`: the raw layout of each dataset, the files to fetch or how to draw them, what must be in them."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from aml.params.reading import Seed, Within, setting

ARCHIVES = (".tgz", ".tar.gz", ".tar", ".tar.bz2", ".tar.xz", ".zip")
NUMBER = "{number}"  # in names and URLs of source files: 1 to `archives`, a file each
# what synthetic can draw; a test compares the two
KINDS = ("cathedral", "church", "palace", "dome", "tower", "arch", "castle", "block")
NUM_STONES = 8

BadImages = Literal["error", "exclude", "fill"]
# longer side, pixels: smaller images show nothing, larger ones only the textures' pixels
DrawnSize = Annotated[int, Within(32, 2048)]
Number = Annotated[int, Within(0)]  # that preprocess must find
Drawn = Annotated[int, Within(1, 100_000)]


@dataclass(frozen=True)
class SourceFile:
    """One file to fetch. Two versions of it have two names, so that nobody mistakes one for the other."""

    file: str
    places: list[str]  # URLs and local paths, tried in this order

    def __post_init__(self):
        if self.file.startswith(".") or "/" in self.file or not self.file:
            raise ValueError(f"file is {self.file!r}; accepted: a file name without folders")
        if not self.places:
            raise ValueError(f"{self.file!r} has no places; accepted: one or more URLs or local paths")


@dataclass(frozen=True)
class SyntheticTraining:
    seed: Seed
    image_size: DrawnSize
    num_train_landmarks: Drawn
    num_val_landmarks: Drawn
    num_whitening_landmarks: Drawn
    queries_per_whitening_landmark: Drawn
    views_per_landmark: Annotated[int, Within(2, 100_000)]


@dataclass(frozen=True)
class SyntheticTest:
    seed: Seed
    image_size: DrawnSize
    num_landmarks: Drawn
    queries_per_landmark: Drawn
    views_per_landmark: Drawn  # database images
    num_other: Annotated[int, Within(0, 100_000)]  # database images of other landmarks and of none
    kinds: list[Literal[KINDS]]  # of buildings
    palette: Annotated[list[int], Within(0, NUM_STONES - 1)]  # of stones

    def __post_init__(self):
        if not self.kinds or not self.palette:
            raise ValueError(f"kinds is {self.kinds}, palette {self.palette}; accepted: one or more of each")


@dataclass(frozen=True)
class SyntheticDistractors:
    seed: Seed
    image_size: DrawnSize
    num_images: Annotated[int, Within(1, 10_000_000)]


@dataclass(frozen=True)
class TrainingSet:
    """The layout of retrieval-SfM-120k: ims.tar.gz, <lists>.pkl and <lists>-whiten.pkl."""

    kind: ClassVar = "training"
    label: str
    layout: str
    lists: str  # stem of the .pkl files
    expected: dict[Literal["train_images", "train_pairs", "val_images", "val_pairs"], Number] | None  # some of them
    on_bad_image: BadImages
    sources: list[SourceFile] | None
    synthetic: SyntheticTraining | None

    def needed(self, name: str) -> list[str]:
        return ["ims.tar.gz", f"{self.lists}.pkl", f"{self.lists}-whiten.pkl"]


@dataclass(frozen=True)
class TestSet:
    """The layout of the revisited Oxford and Paris sets: gnd_<name>.pkl and archives, all that are named."""

    kind: ClassVar = "test"
    label: str
    layout: str
    expected: dict[Literal["queries", "database", "images"], Number] | None  # images: in the archives, listed or not
    sources: list[SourceFile] | None
    synthetic: SyntheticTest | None

    def needed(self, name: str) -> list[str]:
        return [f"gnd_{name}.pkl", ".tgz"]


@dataclass(frozen=True)
class Distractors:
    """The layout of R1M: <list>.txt and revisitop1m.<number>.tar.gz."""

    kind: ClassVar = "database"
    label: str
    layout: str
    list: str  # stem of the .txt file
    archives_in_all: Annotated[int, Within(1, 1000)]  # hold the whole list; R1M has 100
    archives: int  # how many of archives_in_all are used; 0: no distractors
    expected: Annotated[int | None, Within(0)]  # names in the list
    on_bad_image: BadImages
    sources: list[SourceFile] | None
    synthetic: SyntheticDistractors | None

    def __post_init__(self):
        if not 0 <= self.archives <= self.archives_in_all:
            raise ValueError(f"archives is {self.archives}; accepted: 0 to {self.archives_in_all} (archives_in_all)")
        if self.synthetic is not None and self.synthetic.num_images < self.archives_in_all:
            raise ValueError(
                f"synthetic.num_images is {self.synthetic.num_images}; accepted: {self.archives_in_all} or more, one "
                "for each of archives_in_all"
            )

    def needed(self, name: str) -> list[str]:
        numbers = range(1, self.archives + 1)
        return [f"{self.list}.txt", *(f"revisitop1m.{number}.tar.gz" for number in numbers)] if self.archives else []


@dataclass(frozen=True)
class Folder:
    """A user's own images: a folder or archives of them, and the CSV of a training or test set."""

    expected: ClassVar = None
    synthetic: ClassVar = None
    label: str
    layout: str
    kind: Literal["training", "test", "database"]
    csv: str | None  # its path inside the folder, or its name among the sources
    exif_orientation: Literal["apply", "ignore"]  # whether images are turned as their cameras say
    on_bad_image: Literal["error", "exclude"]
    sources: list[SourceFile]

    def __post_init__(self):
        if (self.csv is None) is not (self.kind == "database"):
            raise ValueError(f"csv is {self.csv!r}; accepted: a file's name, or null for kind: database")

    def needed(self, name: str) -> list[str]:
        return [".tar"]


LAYOUTS = {"sfm": TrainingSet, "revisited": TestSet, "distractors": Distractors, "folder": Folder}
Dataset = TrainingSet | TestSet | Distractors | Folder


def dataset_settings(values: dict, name: str) -> Dataset:
    """Return section `datasets.<name>` as the class of its layout.

    Raises ValueError for an unknown layout, field or value, unless exactly one of `sources` and `synthetic` is given,
    and for a file that is missing among the sources or stands there twice.
    """
    layout = setting(values, f"datasets.{name}.layout", str)
    if layout not in LAYOUTS:
        raise ValueError(f"unknown layout {layout!r} in params.yaml: datasets.{name}; known: {', '.join(LAYOUTS)}")
    settings = setting(values, f"datasets.{name}", LAYOUTS[layout])
    if (settings.sources is None) is (settings.synthetic is None):
        given = "neither" if settings.sources is None else "both"
        raise ValueError(f"params.yaml: datasets.{name} has {given} of sources and synthetic; exactly one is accepted")
    source_files(settings, name)
    return settings


def source_files(settings: Dataset, name: str) -> dict[str, list[str]]:
    """Return the files to fetch for the dataset `name`: file name -> URLs and local paths, NUMBER written out; {} for a
    drawn set, and for distractors of which no archive is used.

    Raises ValueError for a file that is missing or stands twice.
    """
    files: dict[str, list[str]] = {}
    needed, field = settings.needed(name), f"datasets.{name}.sources"
    if settings.sources is None:
        return files
    for source in settings.sources:
        for number in range(1, getattr(settings, "archives", 0) + 1) if NUMBER in source.file else [0]:
            file, *places = (text.replace(NUMBER, str(number)) for text in (source.file, *source.places))
            if file in files:
                raise ValueError(f"params.yaml: {field}: {file!r} stands twice; accepted: once, with all its places")
            files[file] = places
    for file in needed:
        if not (archive_names(files) if file in ARCHIVES else file in files):
            what = f"archive ({', '.join(ARCHIVES)})" if file in ARCHIVES else repr(file)
            among = ", ".join(map(repr, files)) or "no files"
            raise ValueError(f"params.yaml: {field}: no {what} among {among}; needed are {', '.join(needed)}")
    return files if needed else {}


def archive_names(files) -> list[str]:
    """Return the archives among file names, sorted."""
    return sorted(name for name in files if name.endswith(ARCHIVES))
