"""Write digests of the code on which each stage's results depend; a stage runs again when its digest file changes.

Reads: the code, as syntax trees; the networks in params.yaml. Writes: <code>/<stage>.json for each module in stages,
without losses and backbones if a cell has one of each; for those <code>/losses/<loss>.json, and
<code>/networks/<network>.json for the network's backbone. A file has a digest of each module, and one of them all.
"""

import ast
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import stages
from aml import losses
from aml.files.atomic import write_json
from aml.files.digests import NO_CODE, file_sha256, syntax_sha256, syntax_tree
from aml.networks import backbones
from aml.params.reading import setting
from stages import runtime

# modules that no digest covers, nor what only they need: no result depends on how a stage is run and logged
OUTSIDE = (stages.__name__, runtime.__name__)
BY_NAME = (losses.__name__, backbones.__name__)  # packages that import their own modules by name (`import_module`)
CELLS = ("train", "targets", "extract")  # stages with cells of one loss or network, on whose file they depend
DYNAMIC = ("import_module", "__import__")  # functions that import by name
NUM_DIGITS = 16  # of a module's digest


def main(folder: Path, values: dict) -> None:
    files = needed(Path(), setting(values, "networks", dict))
    for name, modules in files.items():
        path = folder / name
        content = {"digest": hashlib.sha256(json.dumps(modules).encode()).hexdigest(), "modules": modules}
        if not path.exists() or json.loads(path.read_text()) != content:  # an equal file keeps its time
            write_json(path, content)
    for path in folder.rglob("*.json"):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()


def needed(root: Path, networks: dict) -> dict[str, dict[str, str]]:
    """Return for each file name the modules that it covers: path -> digest of all code that this stage, loss or
    network needs in `root`."""
    code, files = Code(root), {}
    for path in sorted((root / stages.__name__).glob("[!_]*.py")):
        module = f"{stages.__name__}.{path.stem}"
        if path.name != Path(__file__).name and module not in OUTSIDE:
            files[f"{path.stem}.json"] = code.digests(module, by_name=path.stem not in CELLS)
    for path in sorted(code.file(losses.__name__).parent.glob("[!_]*.py")):
        files[f"losses/{path.stem}.json"] = code.digests(f"{losses.__name__}.{path.stem}", by_name=False)
    for network, settings in networks.items():
        backbone = settings.get("backbone") if isinstance(settings, dict) else None
        module = f"{backbones.__name__}.{backbone}"
        if code.file(module):  # the stage `check` refuses an unknown backbone
            files[f"networks/{network}.json"] = code.digests(module, by_name=False)
    return files


class Code:
    """The project in the folder `root`; each file is read once."""

    def __init__(self, root: Path):
        self.root = root
        self.imports, self.digest = cache(self._read_imports), cache(syntax_sha256)

    def digests(self, module: str, *, by_name: bool) -> dict[str, str]:
        """Return path -> digest of each file that `module` needs, sorted. A Python file's digest is that of its
        syntax tree; a file beside it (template, table of constants) has that of its bytes. Files without code are
        left out."""
        files = self.closure(module, by_name=by_name)
        found = {path: self.digest(path) for path in files}
        for folder in {path.parent for path in files}:
            found |= {path: file_sha256(path) for path in data(folder)}
        kept = {path.relative_to(self.root).as_posix(): digest for path, digest in found.items() if digest != NO_CODE}
        return {path: kept[path][:NUM_DIGITS] for path in sorted(kept)}

    def closure(self, module: str, *, by_name: bool) -> set[Path]:
        """Return the files of `module`, of everything that it imports (at its top or inside its functions), and so on,
        from the imports in syntax trees; nothing is imported.

        The `__init__` of their packages is among them. by_name: also all modules of the packages BY_NAME.

        Raises ValueError for imports that can't be followed.
        """
        found, waiting = {}, [module]
        while waiting:
            name = waiting.pop()
            path = None if name in found or name in OUTSIDE else self.file(name)
            if path is not None:
                found[name] = path
                waiting += self.imports(name, path)
                waiting += [name.rpartition(".")[0]] if "." in name else []
                if by_name and name in BY_NAME:
                    waiting += [f"{name}.{other.stem}" for other in path.parent.glob("*.py") if other != path]
        return set(found.values())

    def file(self, module: str) -> Path | None:
        """Return the file of the module with this dotted name; None for a module that isn't the project's."""
        base = self.root.joinpath(*module.split("."))
        return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)

    def _read_imports(self, module: str, path: Path) -> set[str]:
        """Return the dotted names that a file imports or may import: `from a import b` gives a and a.b.

        Raises ValueError for a relative import, for one by name outside the packages BY_NAME, and for a file that
        Python can't read.
        """
        names = set()
        for node in _walk(syntax_tree(path)):
            if isinstance(node, ast.ImportFrom):
                if node.level:
                    raise ValueError(f"{path}, line {node.lineno}: a relative import; accepted: absolute ones")
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif getattr(node, "attr", getattr(node, "id", None)) in DYNAMIC and module not in BY_NAME:
                raise ValueError(
                    f"{path}, line {node.lineno}: an import by name, which can't be followed; accepted: in "
                    f"{', '.join(BY_NAME)}, or in a package that is added to BY_NAME in stages/code.py"
                )
        return names


def data(folder: Path) -> list[Path]:
    """Return a package's files that aren't Python's, also in folders below it that aren't packages."""
    found = []
    for path in folder.iterdir():
        if path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").exists():
            found += data(path)
        elif path.is_file() and path.suffix != ".py":
            found.append(path)
    return found


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes of a tree but those that only type checkers read."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and getattr(child.test, "id", None) == "TYPE_CHECKING"):
            yield from _walk(child)


if __name__ == "__main__":
    runtime.run_command(main)
