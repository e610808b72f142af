"""Seals: sha256 digests by which a reader notices that a file is not what was written.

A JSON file carries its own as its last entry, a text file as its last line; an array's stands in its folder's
provenance.json, that of tensors in their file. DVC looks at a file's time and size only, and never again into its own
cache. Seals find damage, no forgery.
"""

import ast
import hashlib
import io
import itertools
import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from aml.files.atomic import write_json

if TYPE_CHECKING:
    import numpy as np

SEAL = "sha256"


def file_sha256(path: Path) -> str:
    """sha256 (hex) of a file's bytes, 1 to 2 GB a second where the processor has instructions for it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def syntax_sha256(path: Path) -> str:
    """sha256 (hex) of a Python file's syntax tree, without docstrings, and with the imports of a run sorted: comments,
    layout, quotes and the order of imports change nothing. Raises ValueError naming a file that Python can't read."""
    try:
        tree = ast.parse(Path(path).read_bytes())
    except SyntaxError as error:
        raise ValueError(f"{path}, line {error.lineno}: {error.msg}") from error
    return hashlib.sha256(repr(_plain(tree)).encode()).hexdigest()


def write_sealed(path: Path, content: dict) -> None:
    """Write `content` as JSON, and its seal. Raises ValueError for NaN and infinities."""
    write_json(path, {**content, SEAL: _sha256(content)})


def read_sealed(path: Path) -> dict:
    """What `write_sealed` wrote. Raises ValueError naming the file for anything else."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        seal = content.pop(SEAL)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(path, f"it is no sealed JSON file ({error!r})") from None
    if seal != _sha256(content):
        raise damaged(path, f"its contents have another sha256 than the {str(seal)[:12]} that was noted")
    return content


def seal_lines(path: Path) -> None:
    """Add to a text file its seal, as a last line."""
    line = f"# {SEAL} {file_sha256(path)}\n"
    with open(path, "a", encoding="utf-8") as file:
        file.write(line)


def open_sealed_lines(path: Path) -> io.TextIOWrapper:
    """The lines of a text file that `seal_lines` has sealed, without the seal; line ends as they stand there.

    Raises ValueError naming the file for anything else.
    """
    lines = Path(path).read_bytes()
    end = lines.rfind(b"\n", 0, -1) + 1
    content, last = lines[:end], lines[end:]
    if last != f"# {SEAL} {hashlib.sha256(content).hexdigest()}\n".encode():
        raise damaged(path, "its last line is not the sha256 of those before")
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")


def read_npz(path: Path) -> dict[str, "np.ndarray"]:
    """All arrays of a file. Raises ValueError naming it where it isn't whole."""
    import numpy as np  # late: the tables are written without it

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (
        OSError,
        ValueError,
        EOFError,
        AttributeError,
        LookupError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise damaged(path, f"it is no readable npz file ({error})") from None


def damaged(path: Path, why: str) -> ValueError:
    """The error for a file that is not what was written: what is wrong with it, and what repairs it."""
    return ValueError(
        f"{path} is damaged: {why}; run `python -m tools.repair --verify`, which removes it here and from DVC's cache, "
        "then `dvc repro`, which makes it again"
    )


def _sha256(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, allow_nan=False).encode()).hexdigest()


def _plain(node):
    """A syntax tree as nested lists; what is empty is left out, for versions of Python differ in that."""
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in node._fields)
        return [type(node).__name__, *((name, _plain(value)) for name, value in fields if value not in (None, []))]
    return _plain_list(node) if isinstance(node, list) else node


def _plain_list(nodes):
    found = []
    for is_import, run in itertools.groupby(nodes, key=lambda node: isinstance(node, ast.Import | ast.ImportFrom)):
        if is_import:
            found.append(sorted(name for node in run for name in _imported(node)))
        else:
            found += [_plain(node) for node in run if not _does_nothing(node)]
    return found


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    source = f"{node.level} {node.module}" if isinstance(node, ast.ImportFrom) else ""
    return [f"{source} {alias.name} {alias.asname}" for alias in node.names]


def _does_nothing(node) -> bool:
    """Whether a statement is `pass` or a string, like a docstring."""
    is_value = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass) or (is_value and isinstance(node.value.value, str))


NO_CODE = hashlib.sha256(repr(_plain(ast.parse(""))).encode()).hexdigest()  # `syntax_sha256` of an empty file
