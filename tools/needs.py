"""What a run needs of the machine, from its parameters: at least so much, in bytes."""

from aml.networks.backbones import weights_source
from aml.params.datasets import dataset_settings
from aml.params.extraction import ExtractionSettings, TargetSettings
from aml.params.grid import Grid
from aml.params.reading import section, typed
from aml.params.training import network_settings

LEAST_BYTES = 200_000_000  # cache, data and models after a run of the embedded default: 182 MB
SFM_BYTES = 100_000_000_000  # the archive of retrieval-SfM-120k has over 50 GB, its packed images as much
AHEAD = 2  # batches that a process decodes ahead, as torch has it


def wants_gpu(values: dict) -> bool:
    """Whether a CPU would take long: for real images to train on or as distractors, or for backbones that are larger
    than the embedded ones, whose weights come from the web."""
    grid = typed(Grid, section(values, "grid"), "grid")
    large = [name for name in (grid.train_set, grid.distractors) if name is not None and is_real(values, name)]
    sources = [weights_source(network_settings(values, name).backbone) for name in (*grid.teachers, *grid.students)]
    return bool(large) or any(":" in source for source in sources)


def is_real(values: dict, dataset: str) -> bool:
    """Whether a dataset is made of files, not drawn."""
    return dataset_settings(values, dataset)[1] is None


def disk_bytes(values: dict) -> int:
    """What the embedded default takes, and of real data the training images, raw and packed, and all networks'
    descriptors of distractors, nine tenths of what is computed; the distractors' own images come on top."""
    grid = typed(Grid, section(values, "grid"), "grid")
    needed = LEAST_BYTES
    if grid.train_set is not None and is_real(values, grid.train_set):
        needed += SFM_BYTES
    if grid.distractors is not None and is_real(values, grid.distractors):
        crowd, extraction = dataset_settings(values, grid.distractors)[0], extraction_settings(values)
        rows = (crowd.expected or 0) * crowd.archives // max(1, crowd.archives_in_all)
        num_seeds = 1 if grid.seeds is None else len(grid.seeds)
        dimensions = [network_settings(values, name).dimension for name in grid.teachers]
        num_students = len(grid.students) * num_seeds
        components = sum(dimensions) * (1 + num_students * len(grid.losses)) + sum(grid.dimensions) * num_students
        itemsize = 2 if extraction.distractor_dtype == "float16" else 4
        needed += components * rows * itemsize
    return needed


def shared_memory_bytes(values: dict, num_workers: int) -> int:
    """Batches of square images that wait to be taken over from so many processes, in the stage where they are
    largest."""
    settings = [extraction_settings(values)]
    if "targets" in values:  # not where nothing is trained
        settings.append(typed(TargetSettings, section(values, "targets"), "targets"))
    return num_workers * AHEAD * max(3 * kind.batch_size * kind.image_size**2 for kind in settings)


def extraction_settings(values: dict) -> ExtractionSettings:
    return typed(ExtractionSettings, section(values, "extract"), "extract")
