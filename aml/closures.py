"""Find the project's files that a module needs, from the imports in syntax trees; nothing is imported.

The closure of a module is the set of all files that it needs. A package that imports its own modules by name
(`import_module` in its `__init__`) may need any of them. A closure then has all of them, or none if the caller asks for
that and names the needed one itself.
"""

import ast
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from aml.files.digests import NO_CODE, file_sha256, syntax_sha256, syntax_tree

NUM_DIGITS = 16  # of a digest


class Code:
    """The project in the folder `root`; each file is read once.

    outside: modules that belong to no closure, nor does what only they need. by_name: packages that import their own
    modules by name.
    """

    def __init__(self, root: Path, *, outside: Collection[str], by_name: Collection[str]):
        self.root, self.outside, self.by_name = Path(root), outside, by_name
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
        """Return the files of `module`, of everything that it imports (at its top or inside its functions), and so on.

        The `__init__` of their packages is among them. by_name: also the modules of packages that import them by name.

        Raises ValueError for a module that doesn't exist, and for imports that can't be followed.
        """
        if self.file(module) is None:
            raise ValueError(f"there is no module {module} in {self.root.absolute()}")
        found, waiting = {}, [module]
        while waiting:
            name = waiting.pop()
            path = None if name in found or name in self.outside else self.file(name)
            if path is not None:
                found[name] = path
                waiting += self.imports(name, path)
                waiting += [name.rpartition(".")[0]] if "." in name else []
                if by_name and name in self.by_name:
                    waiting += [f"{name}.{other.stem}" for other in path.parent.glob("*.py") if other != path]
        return set(found.values())

    def file(self, module: str) -> Path | None:
        """Return the file of the module with this dotted name; None for a module that isn't the project's."""
        base = self.root.joinpath(*module.split("."))
        return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)

    def _read_imports(self, module: str, path: Path) -> set[str]:
        """Return the dotted names that a file imports or may import: `from a import b` gives a and a.b.

        Raises ValueError for a relative import, for one by name outside the packages `by_name`, and for a file that
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
            elif _called(node) in ("import_module", "__import__") and module not in self.by_name:
                raise ValueError(
                    f"{path}, line {node.lineno}: an import by name, which can't be followed; accepted: in "
                    f"{', '.join(self.by_name)}, or in a package that is added to BY_NAME in stages/code.py"
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


def _called(node: ast.AST) -> str | None:
    """Return the last name of the function that a call names; None for another node."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", None) or getattr(function, "id", None)
