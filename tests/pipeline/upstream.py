"""A miniature of the real upstream sites as a folder: the real paths and layouts, a handful of drawn images in many
sizes, the real architectures with random weights."""

import io
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image

from aml.params.datasets import SyntheticDistractors, SyntheticTest, SyntheticTraining
from synthetic import draw_distractors, draw_test_set, draw_training_set
from synthetic.sets import writing_archive
from tests.networks.library_weights import library_network, write_weights
from tests.pipeline.conftest import SMALL

DRAWING = {"seed": 0, "image_size": 32}
TRAINING = SMALL["sfm"] | {"views_per_landmark": 2}
COUNTS = {"queries": 2, "database": 10, "images": 12}
NUM_DISTRACTORS = SMALL["distractors"]["num_images"]
# Landscape, portrait, odd sides; the first image of each archive is a panorama.
SIZES = [(32, 24), (24, 32), (32, 21), (31, 23), (19, 29)]
PANORAMA = (128, 12)


def write_upstream(folder: Path, values: dict) -> None:
    """Writes what `values`, params.paper.yaml's, ask for: each file at the path of its URL."""
    urls = {
        source["file"]: folder / urlsplit(source["places"][0]).path.lstrip("/")
        for dataset in values["datasets"].values()
        for source in dataset["sources"]
    }
    for path in urls.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    drawn = folder / "drawn"
    training = SyntheticTraining(**DRAWING, **TRAINING)
    draw_training_set(drawn / "retrieval-SfM-120k", training, num_processes=1)
    for number, (name, kinds) in enumerate({"roxford5k": ["tower", "castle"], "rparis6k": ["arch", "dome"]}.items()):
        test = SyntheticTest(**DRAWING | {"seed": 1 + number}, kinds=kinds, palette=[number], **SMALL["revisited"])
        draw_test_set(drawn / name, test, num_processes=1)
    crowd = SyntheticDistractors(**DRAWING | {"seed": 3}, num_images=NUM_DISTRACTORS)
    draw_distractors(drawn / "revisitop1m", crowd, num_archives=2, num_processes=1)
    for archive in sorted([*drawn.rglob("*.tgz"), *drawn.rglob("*.tar.gz")]):
        _stretch(archive)
    _split(drawn / "rparis6k/rparis6k_images.tgz", drawn / "rparis6k/paris_1-v1.tgz", drawn / "rparis6k/paris_2-v1.tgz")
    (drawn / "roxford5k/roxford5k_images.tgz").rename(drawn / "roxford5k/oxbuild_images-v1.tgz")
    for file, path in urls.items():
        for number in "12" if "{number}" in file else "-":
            source = next(drawn.rglob(file.replace("{number}", number)))
            source.rename(path.with_name(path.name.replace("{number}", number)))


def write_library_weights(folder: Path, names: list[str]) -> dict[str, str]:
    """Backbone -> file in `folder`, as its library would publish it."""
    folder.mkdir(parents=True)
    files = {name: f"{name}.{'safetensors' if name == 'efficientnet_b3' else 'pth'}" for name in names}
    for name, file in files.items():
        write_weights(name, library_network(name), folder / file)
    return files


def _split(archive: Path, *halves: Path) -> None:
    """Put every other member of an archive into each of two."""
    files = _members(archive)
    for number, half in enumerate(halves):
        with writing_archive(half) as add:
            for name, data in files[number :: len(halves)]:
                add(name, data)
    archive.unlink()


def _stretch(archive: Path) -> None:
    """Its images in SIZES by turns; but queries, since their boxes refer to pixels."""
    files = _members(archive)
    with writing_archive(archive) as add:
        for number, (name, data) in enumerate(files):
            if "_query_" not in name:
                file = io.BytesIO()
                size = PANORAMA if number == 0 else SIZES[number % len(SIZES)]
                Image.open(io.BytesIO(data)).resize(size).save(file, "JPEG")
                data = file.getvalue()
            add(name, data)


def _members(archive: Path) -> list[tuple[str, bytes]]:
    with tarfile.open(archive) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]
