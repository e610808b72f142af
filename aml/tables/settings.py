"""Read from params.yaml what the tables show of the grid."""

from aml.losses import equation, members
from aml.params.datasets import dataset_settings
from aml.params.extraction import WhiteningSettings
from aml.params.grid import Grid
from aml.params.losses import loss_settings
from aml.params.networks import network_settings
from aml.params.reading import setting
from aml.params.reports import Loss, Named, TableSettings, Teacher
from aml.params.vectors import VectorSettings, teacher_settings


def table_settings(values: dict) -> TableSettings:
    """Return the grid with its labels from params.yaml and the members of tuples from the losses themselves."""
    grid = setting(values, "grid", Grid)

    def loss(name: str) -> Loss:
        settings = loss_settings(values, name)
        return Loss(name, settings.label, members(name), settings.mining, equation(name))

    def dataset(name: str) -> Named:
        return Named(name, dataset_settings(values, name).label)

    def teacher(name: str) -> Teacher:
        settings = teacher_settings(values, name)
        vectors = settings if isinstance(settings, VectorSettings) else None
        return Teacher(name, settings.label, settings.dimension, vectors)

    return TableSettings(
        students=tuple(Named(name, network_settings(values, name).label) for name in grid.students),
        teachers=tuple(teacher(name) for name in grid.teachers),
        dimensions=tuple(grid.dimensions),
        losses=tuple(loss(name) for name in grid.losses),
        loss_without_teacher=loss(grid.loss_without_teacher),
        test_sets=tuple(dataset(name) for name in grid.test_sets),
        distractors=None if grid.distractors is None else dataset(grid.distractors),
        train_set=None if grid.train_set is None else dataset(grid.train_set),
        note=setting(values, "note", str),
        seeds=tuple(grid.seeds or ()),
        shrinkage=setting(values, "whitening", WhiteningSettings).shrinkage,
    )


def published_teachers(values: dict) -> list[str]:
    """Return the labels of the teachers that their authors trained, if every test set is a real one; else none."""
    grid = setting(values, "grid", Grid)
    if any(dataset_settings(values, name).synthetic is not None for name in grid.test_sets):
        return []
    return [network_settings(values, name).label for name in grid.published_teachers]
