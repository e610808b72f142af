"""Every name and number in params.yaml is known; resolves the cell under study. Runs before any other stage.

Reads: params.yaml. Writes: <cell>: student, teacher, loss, seed, and the key under which their results stand.
<checked>: the same bytes each time; the first stages depend on it, so that whatever is asked for, the check runs first,
and that nothing runs again because it ran.
"""

import re
from pathlib import Path

from aml import losses
from aml.compute.device import Runtime
from aml.files.atomic import write_json
from aml.params.datasets import dataset_settings
from aml.params.extraction import ExtractionSettings, TargetSettings
from aml.params.grid import Grid
from aml.params.losses import loss_settings, require_whole_batches
from aml.params.networks import network_settings, teacher_dimensions
from aml.params.pretrained import published_places, weight_places
from aml.params.reading import section, setting
from aml.params.reports import BootstrapSettings, ComparisonSettings, ComplexitySettings
from aml.params.training import TRAININGS
from aml.pretrained.layouts import BACKBONES
from aml.tables.settings import table_settings
from stages.runtime import run_command

SECTIONS = {
    "grid": Grid,
    **TRAININGS,
    "targets": TargetSettings,
    "extract": ExtractionSettings,
    "complexity": ComplexitySettings,
    "comparison": ComparisonSettings,
    "bootstrap": BootstrapSettings,
    "runtime": Runtime,
}
SCALARS = {"student": str, "teacher": str, "loss": str, "seed": int, "note": str}
FAMILIES = ("datasets", "networks", "weights", "published", "losses")


def main(cell: Path, checked: Path, values: dict) -> None:
    known = (*SCALARS, *SECTIONS, *FAMILIES)
    for name in values:
        require(name, known, "params.yaml")
    for name, kind in SCALARS.items():
        setting(values, name, kind)
    typed_sections = {name: setting(values, name, kind) for name, kind in SECTIONS.items()}
    for name in setting(values, "datasets", dict):
        dataset_settings(values, name)
    for name in setting(values, "networks", dict):
        network_settings(values, name)
    weight_places(values)
    for name in setting(values, "losses", dict):
        loss_settings(values, name)
    for family in ("datasets", "networks", "losses"):
        for name in values[family]:
            if not re.fullmatch("[A-Za-z0-9_]+", name):
                raise ValueError(f"params.yaml: {family}: the name {name!r}; accepted: letters, digits, underscores")
    grid = typed_sections["grid"]
    check_grid(grid, values)
    table_settings(values)  # labels that two networks would share
    if not grid.losses:
        raise ValueError(
            "params.yaml: grid.losses is []; accepted: one or more, since the cell under study (student, teacher, "
            "loss, seed) is a student distilled by one of them"
        )
    axes = {"student": grid.students, "teacher": grid.teachers, "loss": grid.losses, "seed": grid.seeds or []}
    for name, accepted in axes.items():
        require(values[name], accepted, name)
    who = {name: values[name] for name in axes}
    write_json(cell, who | {"key": "-".join(map(str, who.values()))})
    write_json(checked, {"checked": "params.yaml"})


def check_grid(grid: Grid, values: dict) -> None:
    """Every name in the grid has a section, every loss a file."""
    for name in (*grid.teachers, *grid.students):
        require(name, section(values, "networks"), "grid")
    dimensions = teacher_dimensions(values, grid.teachers)
    if grid.dimensions not in ([], dimensions):
        raise ValueError(
            f"params.yaml: grid.dimensions is {grid.dimensions}; accepted: {dimensions}, those of grid.teachers in "
            "their order and each once, for students without teacher; or [] for none"
        )
    check_published(grid, values)
    for name in (*grid.losses, grid.loss_without_teacher):
        require(name, losses.known(), "grid.losses")
        require(name, section(values, "losses"), "grid.losses")
    require_whole_batches(values)
    for name in grid.datasets:
        require(name, section(values, "datasets"), "grid.datasets")
    layouts = {name: dataset_settings(values, name).layout for name in grid.datasets}
    wanted = [(grid.train_set, "sfm"), *((name, "revisited") for name in grid.test_sets)]
    wanted += [(grid.distractors, "distractors")] if grid.distractors is not None else []
    for name, layout in wanted:
        require(name, [key for key, value in layouts.items() if value == layout], f"grid ({layout} sets)")
    used = [name for name, _ in wanted]
    for name in grid.datasets:
        if name not in used:
            raise ValueError(
                f"params.yaml: grid.datasets names {name!r}, which nothing trains or is tested on; remove it there, or "
                "it would be fetched for nothing (for fewer distractors: datasets.<name>.archives, which may be 0)"
            )


def check_published(grid: Grid, values: dict) -> None:
    """Only teachers can be published: their file is named, and their backbone is one that the authors published."""
    places = published_places(values)
    for name in (*grid.teachers, *grid.students):
        settings = network_settings(values, name)
        if settings.source == "published":
            require(name, grid.teachers, "grid.students, with source published")
            if not places.get(name):
                raise ValueError(
                    f"params.yaml: networks.{name}.source is published, but published.{name} names no place; "
                    "accepted: URLs and local paths"
                )
            require(settings.backbone, BACKBONES, f"networks.{name}.backbone, with source published")


def require(name: str | int, known, place: str) -> None:
    """Raises ValueError, with the list of known names, unless `name` is one."""
    if name not in known:
        raise ValueError(f"unknown {name!r} in params.yaml: {place}; known: {', '.join(map(str, known))}")


if __name__ == "__main__":
    run_command(main)
