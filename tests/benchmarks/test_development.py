"""The search on the development set: what it varies exists, and the committed result is of the committed grid."""

import pytest
import yaml

from aml.params.reading import parameters, section
from benchmarks.development import COLUMNS, COMMITTED, SET, VARIANTS, Cell, Development, of_grid
from tests import ROOT, read_rows


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_changes_parameters_that_exist(variant):
    overrides, pairs, losses = VARIANTS[variant]
    before, after = parameters(), Development(overrides).values
    assert any(section(before, name) != value for name, value in overrides.items())
    assert all(section(after, name) == value for name, value in overrides.items())
    assert {student for student, _ in pairs} <= set(before["grid"]["students"]) and set(losses) <= set(before["losses"])


def test_the_development_set_is_none_of_the_grid():
    values = parameters()
    assert SET in values["datasets"] and SET not in values["grid"]["datasets"]
    drawn = [values["datasets"][name]["synthetic"] for name in (*values["grid"]["datasets"], SET)]
    seeds = [synthetic["seed"] for synthetic in drawn if synthetic]
    assert len(set(seeds)) == len(seeds) > 1


def test_the_committed_result_has_every_cell_and_variant():
    lines = read_rows(ROOT / "reports/development.csv")
    assert list(lines[0]) == COLUMNS
    assert {line["variant"] for line in lines} == {COMMITTED, *VARIANTS}
    committed = [tuple(line[field] for field in Cell._fields) for line in lines if line["variant"] == COMMITTED]
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())  # of the committed run, whatever the grid is now
    values = parameters()
    values["grid"] |= lock["stages"]["tables"]["params"]["params.yaml"]["grid"]
    assert committed == [tuple(str(field or "") for field in cell) for cell in of_grid(values)]
