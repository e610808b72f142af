"""docs/parameters.md and docs/dvc.md against the graph."""

import re

import pytest
import yaml

from tests import ROOT, stages_of_the_graph

STAGES = stages_of_the_graph()
TABLE = [
    line.split("|")[1:3] for line in (ROOT / "docs/parameters.md").read_text().splitlines() if line.startswith("| `")
]
ROWS = [(name, set(re.findall("`(.*?)`", first))) for names, first in TABLE for name in re.findall("`(.*?)`", names)]
# said in words under the table: labels, the check, and what reads all of a section without being changed by it
EVERYWHERE = {"check", "code", "page", "tables", "figures", "weights", "complexity"}


def family(stage: str) -> str:
    return re.sub("^(targets|extract|evaluate)_.*", r"\1", stage)


def readers(parameter: str) -> set[str]:
    """The families of stages that name a parameter; a cell fills in its own name for `<x>`."""
    place = re.sub("<.*?>", "${item.x}", parameter)
    found = set()
    for name, stage in STAGES.items():
        named = [entry for entry in stage.get("params", []) if isinstance(entry, str)]
        named = [re.sub(r"\$\{item\..*?\}", "${item.x}", entry) for entry in named]
        if place in named or any(entry.startswith(f"{place}.") for entry in named):
            found.add(family(name))
    return found


@pytest.mark.parametrize(("parameter", "said"), ROWS, ids=[name for name, _ in ROWS])
def test_a_parameter_s_row_names_the_stages_that_read_it(parameter, said):
    whole, _, inside = parameter.partition(".")
    expected = readers(parameter) | ({"sources"} if inside and whole == "datasets" else set())
    assert expected <= said and said - expected <= EVERYWHERE


def test_every_parameter_has_a_row_and_every_stage_a_place_in_the_diagram():
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    families = {f"grid.{name}" for name in values["grid"]}
    families |= {name for name in values if name not in ("grid", "datasets", "networks", "losses")}
    families |= {"datasets.<set>", "networks.<network>", "losses.<loss>"}
    assert {name for name, _ in ROWS} == families
    text = (ROOT / "docs/dvc.md").read_text()
    (diagram,) = re.findall(r"```mermaid\nflowchart LR\n(.*?)```", text, flags=re.DOTALL)
    assert set(re.findall(r"\w+", diagram.replace("--", " "))) == set(STAGES) - {"code", "check"}
