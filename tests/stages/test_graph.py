"""The graph against the code: what a stage imports is what it depends on, and imports go downwards."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "dvc.yaml", *sorted((ROOT / "graph").rglob("dvc.yaml"))]
STAGES = {name: stage for file in FILES for name, stage in yaml.safe_load(file.read_text())["stages"].items()}
PUBLISHED = yaml.safe_load((ROOT / "published/dvc.yaml").read_text())["stages"]  # its code is linked to the project's
STAGES |= {f"published/{name}": stage for name, stage in PUBLISHED.items()}
GPU_STAGES = ["train_teacher", "train_student", "targets", "distill", "extract_teacher", "extract_distilled"]


def path_of(module: str) -> Path | None:
    """The project's file behind a dotted name, or None."""
    base = ROOT / Path(*module.split("."))
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    return next((path for path in candidates if path.is_file()), None)


def imports(path: Path) -> set[Path]:
    """The project's files that this one imports, at its top or inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {path_of(name) for name in names if name.split(".")[0] in ("aml", "stages")}
    return found - {None}


def closure(path: Path) -> set[Path]:
    seen, waiting = set(), [path]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += imports(current)
            if current.parent.name == "backbones":  # imported by name
                waiting += current.parent.glob("*.py")
    return {file for file in seen if file.read_text().strip()}  # an empty __init__.py changes nothing


def module_of(stage: dict) -> str:
    words = stage["cmd"].split()
    return words[words.index("-m") + 1]


def code_deps(stage: dict) -> list[str]:
    return [dep for dep in stage["deps"] if dep.startswith(("aml", "stages"))]


def loss_of(stage: dict) -> list[str]:
    """`--loss` names a file that is imported by name."""
    words = stage["cmd"].split()
    return [f"aml/losses/{words[words.index('--loss') + 1]}.py"] if "stages.train" in words else []


@pytest.mark.parametrize("name", STAGES)
def test_dependencies_are_the_imports(name):
    stage = STAGES[name]
    needed = {str(file.relative_to(ROOT)) for file in closure(path_of(module_of(stage)))} | set(loss_of(stage))
    declared = code_deps(stage)

    def covers(dep, file):
        return file == dep or file.startswith(dep + "/")

    forgotten = sorted(file for file in needed if not any(covers(dep, file) for dep in declared))
    useless = sorted(dep for dep in declared if not any(covers(dep, file) for file in needed))
    assert not forgotten, f"{name} imports, but does not depend on: {forgotten}"
    assert not useless, f"{name} depends on, but does not import: {useless}"


@pytest.mark.parametrize("name", GPU_STAGES)
def test_expensive_stages_depend_on_files_that_they_run(name):
    """In a room that an expensive stage depends on, every file is one that some such stage runs."""
    run = set().union(
        *(closure(path_of(module_of(STAGES[stage]))) for stage in (*GPU_STAGES, "weights", "evaluate_teacher"))
    )
    for dep in code_deps(STAGES[name]):
        if (ROOT / dep).is_dir():
            idle = [path for path in (ROOT / dep).rglob("*.py") if path.read_text().strip() and path not in run]
            writers = {ROOT / "aml/storage/pack.py", ROOT / "aml/storage/grid.py"}  # what preprocess and tables use
            assert set(idle) <= writers, f"{name} would run again for a change in {idle}"


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_says_what_it_is(name):
    assert STAGES[name]["desc"]


@pytest.mark.parametrize("name", GPU_STAGES)
def test_expensive_results_come_back_from_the_run_cache(name):
    """DVC does not look into its run cache for a stage with an uncached or persisted output."""
    assert all(isinstance(out, str) for out in STAGES[name]["outs"])


def test_check_runs_first():
    assert next(iter(STAGES)) == "check"


@pytest.mark.parametrize("path", sorted((ROOT / "stages").glob("*.py")), ids=lambda path: path.name)
def test_a_stage_imports_no_other_stage(path):
    stages = {file.name for file in imports(path) if file.parent == ROOT / "stages"}
    assert stages <= {"runtime.py", "__init__.py"}


@pytest.mark.parametrize("path", sorted((ROOT / "aml").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_imports_no_stage(path):
    assert not [file for file in imports(path) if "stages" in file.parts]


@pytest.mark.parametrize("path", sorted((ROOT / "aml/losses").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_a_loss_imports_torch_only(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        assert all(name.split(".")[0] == "torch" for name in names), names


@pytest.mark.parametrize(
    "stage",
    [
        "check",
        "sources",
        "download",
        "preprocess",
        "evaluate",
        "tables",
        "experiment",
        "page",
        "ranked_lists",
        "doctor",
        "verify",
    ],
)
def test_stages_without_a_network_start_without_torch(stage):
    heavy = "torch", "torchvision", "timm", "pandas", "matplotlib", "faiss"
    code = f"import stages.{stage}, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_figures_need_neither_torch_nor_pandas():
    heavy = "torch", "pandas", "matplotlib.pyplot"
    code = f"import stages.figures, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("stage", ["weights", "train", "targets", "extract", "convert", "complexity"])
def test_stages_of_the_embedded_default_start_with_torch_alone(stage):
    heavy = "torchvision", "timm", "pandas", "matplotlib", "faiss", "torch._dynamo"
    code = f"import stages.{stage}, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
