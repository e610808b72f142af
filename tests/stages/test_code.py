"""What an edit marks: the files of the stage `code` that change, in a copy of the project's code."""

import ast
import itertools
import shutil
from pathlib import Path

import pytest
import yaml

from aml.files.digests import NO_CODE, syntax_sha256
from stages.code import main, needed
from tests import ROOT

NETWORKS = yaml.safe_load((ROOT / "params.yaml").read_text())["networks"]
TRAINING, TARGETS, EXTRACTION = "train.json", "targets.json", "extract.json"


class Copy:
    """The project's code in a folder of its own, to edit."""

    def __init__(self, root: Path):
        self.root = root
        for name in ("aml", "stages", "synthetic"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        self.before = needed(root, NETWORKS)

    def python(self) -> list[Path]:
        return sorted(path for name in ("aml", "stages", "synthetic") for path in (self.root / name).rglob("*.py"))

    def marked(self) -> set[str]:
        """The files that are no longer what they were; what is new or gone, too."""
        now = needed(self.root, NETWORKS)
        return {name for name in self.before.keys() | now.keys() if self.before.get(name) != now.get(name)}

    def marked_by(self, *patterns: str) -> set[str]:
        """What is marked when all files of these patterns have one statement more."""
        texts = {path: path.read_bytes() for pattern in patterns for path in self.root.glob(pattern)}
        assert texts, patterns
        for path, text in texts.items():
            path.write_bytes(text + b"\nEDITED = 1\n")
        marked = self.marked()
        for path, text in texts.items():
            path.write_bytes(text)
        return marked


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Copy:
    return Copy(tmp_path_factory.mktemp("code"))


def without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def with_imports_reversed(tree: ast.Module) -> ast.Module:
    runs = itertools.groupby(tree.body, key=lambda node: isinstance(node, ast.Import | ast.ImportFrom))
    tree.body = [node for is_import, run in runs for node in (reversed(list(run)) if is_import else run)]
    return tree


def test_words_layout_and_the_order_of_imports_mark_nothing(tmp_path):
    copy = Copy(tmp_path)
    for path in copy.python():
        edited = ast.unparse(with_imports_reversed(without_docstrings(ast.parse(path.read_text()))))
        path.write_text("# a comment\n\n\n" + edited.replace("\n\n", "\n"))
    assert copy.marked() == set()


RUNNER = ["stages/runtime.py", "stages/__init__.py", "aml/run_log.py"]
EDITS = [  # edited files; what it marks of the files for training, targets, extraction, each loss and each network
    (RUNNER, []),
    (["stages/tables.py", "stages/page.py", "aml/tables/**/*.*", "aml/pages/**/*.*"], []),
    (["stages/figures.py", "aml/pages/figures/*"], []),
    (["stages/weights.py", "aml/pretrained/*.py"], []),
    (["stages/code.py"], []),
    (["stages/preprocess.py", "stages/download.py", "aml/datasets/*.py", "synthetic/*.py", "aml/download/*.py"], []),
    (["stages/complexity.py", "aml/complexity/*"], []),
    (["stages/evaluate.py", "aml/evaluation/[!w_]*.py"], []),
    (["aml/evaluation/whitening.py", "aml/extraction/database_whitening.py"], [EXTRACTION]),
    (["stages/extract.py", "aml/extraction/*.py"], [TARGETS, EXTRACTION]),
    (["aml/compute/device.py"], [TRAINING, TARGETS, EXTRACTION]),
    (["aml/losses/reg.py"], ["losses/reg.json"]),
    (["aml/networks/backbones/lite2.py"], ["networks/lite2.json"]),
]


@pytest.mark.parametrize(("patterns", "marked"), EDITS, ids=[patterns[0] for patterns, _ in EDITS])
def test_an_edit_marks_what_it_can_change(copy, patterns, marked):
    found = copy.marked_by(*patterns)
    assert {name for name in found if "/" in name or name in (TRAINING, TARGETS, EXTRACTION)} == set(marked)
    assert patterns != RUNNER or found == {"page.json"}


def test_no_code_of_the_library_is_forgotten(copy):
    read = {path for files in copy.before.values() for path in files}
    code = [path for path in copy.root.glob("aml/**/*.py") if syntax_sha256(path) != NO_CODE]
    library = {path.relative_to(copy.root).as_posix() for path in code}
    assert library <= read


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("class A:\n    pass", 'class A:\n    """What."""', True),
        ("import a\nfrom b import c, d", "from b import d\nfrom b import c\nimport a", True),
        ("import a\nx = 1\nimport b", "import b\nx = 1\nimport a", False),
        ("import a", "import a as b", False),
        ("from a import b", "from a.b import b", False),
        ("x = 1", "x = 1.0", False),
        ("x = 1", "x = True", False),
        ("x = 'a'", "x = b'a'", False),
        ("x = None", "x = []", False),
        ("f(None)", "f()", False),
        ("x: int = 1", "x: float = 1", False),
        ("return_ = {**a}", "return_ = {None: a}", False),
        ("def f(a, /, b): 1", "def f(a, b, /): 1", False),
        ("x = a - b", "x = a + b", False),
        ("x = f'{a!r}'", "x = f'{a}'", False),
    ],
)
def test_two_texts_are_one_code_or_not(tmp_path, first, second, equal):
    for name, text in {"a.py": first, "b.py": second}.items():
        (tmp_path / name).write_text(text)
    assert (syntax_sha256(tmp_path / "a.py") == syntax_sha256(tmp_path / "b.py")) is equal


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (1\n", r"extra\.py, line 1: '\(' was never closed"),
        ("from . import x", "a relative import; accepted: absolute ones"),
        ("import importlib\nimportlib.import_module('aml.x')", "line 2: an import by name, which can't be followed"),
    ],
)
def test_code_that_cannot_be_followed_is_refused(copy, text, message):
    path = copy.root / "stages/extra.py"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        copy.marked()
    path.unlink()


def test_the_stage_writes_what_has_changed_and_removes_what_is_gone(tmp_path, monkeypatch):
    copy = Copy(tmp_path)
    monkeypatch.chdir(tmp_path)
    main(Path("code"), {"networks": {"a": {"backbone": "lite2"}, "b": {"backbone": "unknown"}, "c": 3}})
    assert sorted(path.name for path in Path("code/networks").iterdir()) == ["a.json"]
    times = {path: path.stat().st_mtime_ns for path in Path("code").rglob("*.json")}
    (copy.root / "aml/losses/reg.py").write_text("x = 1")
    (copy.root / "aml/losses/dr.py").unlink()
    main(Path("code"), {"networks": {"a": {"backbone": "lite2"}}})
    changed = {path for path, time in times.items() if not path.exists() or path.stat().st_mtime_ns != time}
    assert {path.name for path in changed if path.parent.name == "losses"} == {"reg.json", "dr.json"}
    assert Path("code/train.json") not in changed and not Path("code/losses/dr.json").exists()
