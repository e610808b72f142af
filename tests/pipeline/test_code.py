"""What an edit of the code makes DVC run, and that whatever a stage executes makes it run."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from aml.files.digests import NO_CODE, syntax_sha256
from tests.pipeline.conftest import Repository, cells, ran
from tests.pipeline.outside import arguments, beside, entry

pytestmark = pytest.mark.pipeline
CELLS = ("train", "distill", "targets", "extract", "evaluate")


def edit(repository: Repository, *patterns: str, text: str = "\nEDITED = 1\n") -> None:
    paths = [path for pattern in patterns for path in repository.folder.glob(pattern)]
    assert paths
    for path in paths:
        path.write_text(path.read_text() + text)


def test_comments_run_nothing_but_code_and_an_edit_marks_the_cells_that_it_can_change(repository):
    """tests/stages/test_code.py tries every stage in turn."""
    edit(repository, "aml/**/*.py", "stages/**/*.py", "synthetic/**/*.py", text="\n\n\n# a comment\n")
    assert ran(repository.dvc("repro")) == ["code"]
    edit(repository, "aml/losses/reg.py", "aml/networks/backbones/lite2.py", "stages/runtime.py", "tools/doctor.py")
    edit(repository, "aml/evaluation/ranking.py", "aml/tables/*.py", "aml/pages/**/*.py", "aml/datasets/*.py")
    repository.dvc("repro", "code")
    found = {name for name in repository.status() if name.startswith(CELLS)}
    teacher, student, contr_plus, reg = cells(repository)
    evaluations = {f"evaluate_teacher@{teacher}", f"evaluate_student@{student}"}
    assert found == {f"distill@{reg}"} | evaluations | {f"evaluate_distilled@{key}" for key in (contr_plus, reg)}


def test_a_new_loss_and_a_new_backbone_mark_their_own_cells(repository):
    """Other files and other cells are as before."""
    folder = repository.folder
    text = (folder / "aml/losses/reg.py").read_text().replace("reg", "ones_own")
    (folder / "aml/losses/ones_own.py").write_text(text)
    shutil.copy(folder / "aml/networks/backbones/lite1.py", folder / "aml/networks/backbones/wide.py")
    values = yaml.safe_load((folder / "params.yaml").read_text())
    values["losses"]["ones_own"] = values["losses"]["reg"] | {"label": "One's own"}
    values["grid"]["losses"].append("ones_own")
    student = values["grid"]["students"][0]
    values["networks"]["wide"] = values["networks"][student] | {"backbone": "wide", "label": "Wide"}
    values["grid"]["students"].append("wide")
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    assert ran(repository.dvc("repro", "check")) == ["code", "check"]
    found = {name for name in repository.status() if name.startswith(CELLS)}
    assert found and all("ones_own" in name or "wide" in name for name in found)


TRACED = """
import json, runpy, sys
root, _, name, *arguments = sys.argv[1:]
seen = {}

def trace(frame, event, argument):
    file = frame.f_code.co_filename
    if not file.startswith(root):
        return None
    lines = seen.setdefault(file, set())

    def line(frame, event, argument):
        lines.add(frame.f_lineno)
        return line

    return line(frame, event, argument)

sys.path.insert(0, root)
sys.argv = [name, *arguments]
sys.settrace(trace)
runpy.run_module(name, run_name="__main__", alter_sys=True)
sys.settrace(None)
print(json.dumps({file: sorted(lines) for file, lines in seen.items()}))
"""
# what runs a stage; of it evaluation needs nothing, and networks where they compute
RUNNER = {"stages/__init__.py", "stages/runtime.py", "aml/run_log.py"}
PLACES = 4  # that are changed in each file


def executed(repository: Repository, folder: Path, of_stage: dict) -> dict[str, set[int]]:
    """The lines of the project's files that a stage executes, by path, on the tiny grid."""
    folder = beside(repository, folder, num_workers=0)
    command = [sys.executable, "-c", TRACED, str(folder), *arguments(of_stage)]
    done = subprocess.run(command, cwd=folder, env=repository.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return {Path(file).relative_to(folder).as_posix(): set(lines) for file, lines in found.items()}


def without_a_statement(text: str, lines: set[int]) -> list[str]:
    """The text, each time without another statement that stands on one of `lines`."""
    tree, found = ast.parse(text), []
    bodies = [value for node in ast.walk(tree) for _, value in ast.iter_fields(node) if isinstance(value, list)]
    for body, position in [(nodes, i) for nodes in bodies for i in range(len(nodes))]:
        node = body[position]
        is_string = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and node.lineno in lines and not is_string and not isinstance(node, ast.Pass):
            body[position] = ast.Pass()
            found.append(ast.unparse(tree))
            body[position] = node
    return found


@pytest.mark.parametrize("kind", ["distill", "targets", "extract_distilled", "evaluate_distilled"])
def test_whatever_a_stage_executes_marks_it(finished, tmp_path, kind):
    """An executed file that isn't the runner's is one of those that the cell depends on, and in each of its files each
    executed statement counts: without it the file's digest is another."""
    repository, _ = finished
    folder, of_stage = repository.folder, entry(repository, kind)
    code = [dep["path"] for dep in of_stage["deps"] if dep["path"].startswith("data/code/")]
    marks = {path for name in code for path in repository.json(name)["modules"]}
    outside = RUNNER | ({"aml/compute/device.py"} if kind == "evaluate_distilled" else set())

    places, found = 0, executed(repository, tmp_path, of_stage)
    assert len(found) > 10
    for path, lines in found.items():
        if path in outside or syntax_sha256(folder / path) == NO_CODE:
            continue
        assert path in marks
        changed = without_a_statement((folder / path).read_text(), lines)
        for edited in changed[:: -(-len(changed) // PLACES)]:
            (tmp_path / "edited.py").write_text(edited)
            assert syntax_sha256(tmp_path / "edited.py") != syntax_sha256(folder / path), path
            places += 1
    assert places >= 40
