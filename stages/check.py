"""Check every name and number in params.yaml, and name the cell under study. Runs before any other stage.

Reads: params.yaml. Writes: <cell>: the cell's student, teacher, loss and seed, and the key of its results. <checked>:
the same bytes each time; the first stages depend on it, so that the check runs before them whatever is asked for, and
nothing runs again because the check did.
"""

import re
from pathlib import Path

from aml import losses
from aml.compute.device import Runtime
from aml.files.atomic import write_json
from aml.params.datasets import dataset_settings
from aml.params.expansion import ExpansionSettings
from aml.params.extraction import ExtractionSettings, TargetSettings, WhiteningSettings
from aml.params.grid import Grid, key_of
from aml.params.losses import loss_settings, require_whole_batches
from aml.params.networks import network_settings
from aml.params.pretrained import network_files, weight_places
from aml.params.reading import section, setting
from aml.params.reports import BootstrapSettings, ComparisonSettings, ComplexitySettings
from aml.params.search import ExportSettings, IndexSettings
from aml.params.training import TRAININGS
from aml.params.vectors import all_dimensions, vector_settings
from aml.pretrained.layouts import BACKBONES
from aml.tables.settings import table_settings
from stages.runtime import run_command

SECTIONS = {
    "grid": Grid,
    **TRAININGS,
    "targets": TargetSettings,
    "extract": ExtractionSettings,
    "whitening": WhiteningSettings,
    "expansion": ExpansionSettings,
    "export": ExportSettings,
    "index": IndexSettings,
    "complexity": ComplexitySettings,
    "comparison": ComparisonSettings,
    "bootstrap": BootstrapSettings,
    "runtime": Runtime,
}
SCALARS = {"student": str, "teacher": str, "loss": str, "seed": int, "note": str}
NAMED = {
    "datasets": dataset_settings,
    "networks": network_settings,
    "vectors": vector_settings,
    "losses": loss_settings,
}


def main(cell: Path, checked: Path, values: dict) -> None:
    for name in values:
        require(name, (*SCALARS, *SECTIONS, *NAMED, "weights", "checkpoints"), "params.yaml")
    found = {name: setting(values, name, kind) for name, kind in (SCALARS | SECTIONS).items()}
    for family, read in NAMED.items():
        for name in setting(values, family, dict):
            read(values, name)
            if not re.fullmatch("[A-Za-z0-9_]+", name):  # it becomes a part of keys and paths
                raise ValueError(f"params.yaml: {family}: the name {name!r}; accepted: letters, digits, underscores")
    weight_places(values)
    grid = found["grid"]
    check_networks(grid, values)
    check_datasets(grid, values)
    table_settings(values)  # refuses a label that two networks share
    axes = {"student": grid.students, "teacher": grid.teachers, "loss": grid.losses, "seed": grid.seeds or []}
    for name, accepted in axes.items():
        if accepted or name != "loss":  # without losses nothing is distilled, and `dvc repro tables` ends the run
            require(found[name], accepted, name)
    parts = {name: found[name] for name in axes}
    write_json(cell, parts | {"key": key_of(*parts.values())})
    write_json(checked, {"checked": "params.yaml"})


def check_networks(grid: Grid, values: dict) -> None:
    """Check that every loss of the grid is known, and that networks, losses and dimensions fit together."""
    check_vectors(grid, values)
    dimensions = all_dimensions(values, grid.teachers)
    if grid.dimensions not in ([], dimensions):
        raise ValueError(
            f"params.yaml: grid.dimensions is {grid.dimensions}; accepted: {dimensions}, those of grid.teachers in "
            "their order and each once, for students without teacher; or [] for none"
        )
    check_teachers(grid, values)
    for name in (*grid.losses, grid.loss_without_teacher):
        require(name, losses.known(), "grid.losses")
    require_whole_batches(values)


def check_teachers(grid: Grid, values: dict) -> None:
    """Check that each teacher is trained, published or of vectors, and that published ones have files of a known
    layout."""
    listed = [*grid.trained_teachers, *grid.published_teachers, *grid.vector_teachers]
    if sorted(listed) != sorted(grid.teachers):
        raise ValueError(
            f"params.yaml: grid.trained_teachers, published_teachers and vector_teachers are {listed}; accepted: each "
            f"of grid.teachers, {', '.join(grid.teachers)}, in one of the three"
        )
    for name in grid.published_teachers:
        network_files(values, name)
        require(network_settings(values, name).backbone, BACKBONES, f"networks.{name}.backbone, which is published")


def check_vectors(grid: Grid, values: dict) -> None:
    """Check that no name is of vectors and of something else, and that students can match the vectors."""
    vectors = section(values, "vectors")
    for name in vectors:
        for family in ("networks", "datasets"):
            if name in section(values, family):
                raise ValueError(
                    f"params.yaml: vectors and {family} both have {name!r}; accepted: a name of its own, since files "
                    "are called by it"
                )
    for name in grid.vector_teachers:
        require(name, vectors, "grid.vector_teachers")
        for student in grid.students if vector_settings(values, name).negative == "keep" else ():
            network = network_settings(values, student)
            if not network.whitening and network.gem_p is not None:
                raise ValueError(
                    f"params.yaml: vectors.{name}.negative is 'keep', but {student} ends with GeM, which gives "
                    f"no negative components; accepted: split, or networks.{student}.whitening: true"
                )


def check_datasets(grid: Grid, values: dict) -> None:
    """Check that every dataset of the grid is of the kind that its use needs, and that each is used."""
    kinds = {name: dataset_settings(values, name).kind for name in grid.datasets}
    used = [(grid.train_set, "training"), *((name, "test") for name in grid.test_sets)]
    used += [(grid.distractors, "database")] if grid.distractors is not None else []
    for name, kind in used:
        require(name, [key for key, value in kinds.items() if value == kind], f"grid ({kind} sets)")
    for name in grid.datasets:
        if name not in dict(used):
            raise ValueError(
                f"params.yaml: grid.datasets names {name!r}, which nothing trains or is tested on; remove it there, or "
                "it would be fetched for nothing (for fewer distractors: datasets.<name>.archives, which may be 0)"
            )


def require(name: str | int, known, where: str) -> None:
    """Raise ValueError with the list of known names, unless `name` is one of them."""
    if name not in known:
        raise ValueError(f"unknown {name!r} in params.yaml: {where}; known: {', '.join(map(str, known))}")


if __name__ == "__main__":
    run_command(main)
