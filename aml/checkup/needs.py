"""What a run needs of the machine, from its parameters: at least so much, in bytes."""

from aml.datasets.settings import dataset_settings
from aml.storage.grid import Grid
from aml.storage.parameters import section, typed
from aml.training.settings import network_settings
from aml.vision.settings import ExtractionSettings, TargetSettings

DRAWN_BYTES = 200_000_000  # cache, data and models of the embedded default: 182 MB after a whole run
SFM_BYTES = 100_000_000_000  # the archive of retrieval-SfM-120k has over 50 GB, its packed images as much
AHEAD = 2  # batches that a process decodes ahead, as torch has it


def is_fetched(values: dict) -> bool:
    """Whether some dataset comes from the web."""
    return any(
        dataset_settings(values, name)[1] is None for name in typed(Grid, section(values, "grid"), "grid").datasets
    )


def disk_bytes(values: dict) -> int:
    """Real data: the training images, raw and packed, and all networks' descriptors of distractors, nine tenths of
    what is computed; the distractors' own images come on top."""
    if not is_fetched(values):
        return DRAWN_BYTES
    grid = typed(Grid, section(values, "grid"), "grid")
    needed = SFM_BYTES if grid.train_set is not None and dataset_settings(values, grid.train_set)[1] is None else 0
    if grid.distractors is not None:
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
