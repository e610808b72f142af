"""The graph against the code: a stage depends on what the stage `code` says of it, and imports go downwards."""

import ast
from pathlib import Path

import networkx
import pytest
import yaml
from dvc.repo import Repo

from aml import losses
from aml.networks import backbones
from stages.code import CELLS, Code, needed
from tests import ROOT, python, stages_of_the_graph

STAGES = stages_of_the_graph()
PUBLISHED = yaml.safe_load((ROOT / "published/dvc.yaml").read_text())["stages"]  # its code is linked to the project's
STAGES |= {f"published/{name}": stage for name, stage in PUBLISHED.items()}
READERS = [name for name in STAGES if name.rpartition("/")[2] != "code"]
CODE = Code(ROOT)


def imports(path: Path) -> set[Path]:
    """The project's files that this one imports, at its top or inside its functions."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return {CODE.file(name) for name in CODE.imports(module, path)} - {None}


def module_of(stage: dict) -> str:
    words = stage["cmd"].split()
    return words[words.index("-m") + 1]


@pytest.mark.parametrize("name", READERS)
def test_a_stage_depends_on_its_own_code_and_nothing_else_of_code(name):
    stage = STAGES[name]
    kind = module_of(stage).rpartition(".")[2]
    expected = {f"data/code/{kind}.json"}
    if kind in CELLS:
        items = {axis: f"${{item.{axis}}}" for axis in stage["matrix"]}
        needs = {path.parent for path in CODE.closure(module_of(stage), by_name=False)}
        if CODE.file(losses.__name__).parent in needs:
            expected.add(f"data/code/losses/{items.get('loss', '${grid.loss_without_teacher}')}.json")
        if CODE.file(backbones.__name__).parent in needs:
            expected.add(f"data/code/networks/{items.get('network') or items['teacher']}.json")
    assert {dep for dep in stage["deps"] if dep.startswith(("aml", "stages", "synthetic", "data/code"))} == expected


@pytest.mark.parametrize(("kind", "number"), [("extract", 4), ("evaluate", 3)])
def test_the_stages_of_one_kind_read_and_write_alike(kind, number):
    """Teachers and students have one file of the graph, distilled students another."""
    first, *others = [stage for name, stage in STAGES.items() if name.startswith(f"{kind}_")]
    assert len(others) == number - 1
    for stage in others:
        assert all(stage.get(part) == first.get(part) for part in ("params", "outs", "meta"))
        assert set(stage["deps"]) - {"data/descriptors/${item.teacher}"} == set(first["deps"])


def test_the_stage_code_reads_all_the_code_there_is():
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    paths = {path for files in needed(ROOT, values["networks"]).values() for path in files}
    folders = [dep for dep in STAGES["code"]["deps"] if "/" not in dep]
    assert {path.partition("/")[0] for path in paths} == set(folders) == {"aml", "stages", "synthetic"}
    assert STAGES["code"]["deps"] == STAGES["published/code"]["deps"]
    assert {f"{module_of(STAGES[name]).rpartition('.')[2]}.json" for name in READERS} <= set(needed(ROOT, {}))
    assert all(stage["desc"] for stage in STAGES.values()) and list(STAGES)[:2] == ["code", "check"]


def test_expensive_results_come_back_from_the_run_cache():
    """DVC does not look into its run cache for a stage with an uncached or persisted output."""
    on_gpu = [stage for stage in STAGES.values() if stage.get("meta", {}).get("gpu")]
    assert len(on_gpu) > 5 and all(isinstance(out, str) for stage in on_gpu for out in stage["outs"])


def test_every_stage_waits_for_the_check():
    with Repo(str(ROOT)) as repo:
        graph = networkx.relabel_nodes(repo.index.graph, lambda stage: stage.addressing)  # stage -> what it needs
    assert set(graph) - networkx.ancestors(graph, "check") == {"code", "check"}
    assert len(graph) > 100


def test_imports_go_downwards():
    """A stage imports no other stage, the library none at all, and a loss torch alone, its bank NumPy and faiss too."""
    for path in (ROOT / "stages").glob("*.py"):
        stages = {file.name for file in imports(path) if file.parent == ROOT / "stages"}
        assert stages <= {"runtime.py", "__init__.py"}, path
    for path in (ROOT / "aml").rglob("*.py"):
        assert not [file for file in imports(path) if "stages" in file.parts], path
    for path in (ROOT / "aml/losses").glob("[a-z]*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
        assert {name.partition(".")[0] for name in names} - {"numpy", "faiss"} == {"torch"}, path


# what a module may import at its start, of the packages that take seconds
HEAVY = {"torch", "torch._dynamo", "torchvision", "timm", "pandas", "faiss", "matplotlib", "matplotlib.pyplot"}
ALLOWED = {name: {"torch"} for name in ("weights", "train", "targets", "extract", "convert", "complexity")}
ALLOWED |= {"figures": {"matplotlib"}, "export": {"torch"}, "index": {"faiss", "matplotlib"}, "__main__": {"faiss"}}
MODULES = sorted(f"stages.{path.stem}" for path in (ROOT / "stages").glob("[!_]*.py"))


@pytest.mark.parametrize("module", [*MODULES, "tools.doctor", "tools.repair", "tools.search.__main__"])
def test_a_module_starts_without_packages_that_it_may_not_need(module):
    heavy = HEAVY - ALLOWED.get(module.rpartition(".")[2], set())
    code = f"import {module}, sys; print([name for name in {heavy} if name in sys.modules])"
    assert python("-c", code, check=True).stdout.strip() == "[]"
