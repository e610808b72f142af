"""Digests of files and of Python code."""

import ast
import hashlib
import itertools
import mmap
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from isal.isal_zlib import crc32

PIECE = 2**24  # bytes, for one thread at a time


def file_sha256(path: Path) -> str:
    """Return the sha256 (hex) of a file, at 1 to 2 GB a second if the processor has instructions for it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pieces_crc32(path: Path) -> str:
    """Return one digest (hex) of the crc32 of each 16 MiB of a file; each core has a thread.

    It finds accidental damage and no forgery, at some 25 GB a second on one core, with the processor's own
    instructions. zlib's crc32 gives the same values at 4 GB a second; sha256 takes longer still.
    """
    with open(path, "rb") as file, ThreadPoolExecutor(os.cpu_count()) as threads:
        size = os.fstat(file.fileno()).st_size
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"")
        pieces = threads.map(lambda start: crc32(content[start : start + PIECE]), range(0, size, PIECE))
        return hashlib.sha256(repr([size, *pieces]).encode()).hexdigest()


def syntax_sha256(path: Path) -> str:
    """Return the sha256 (hex) of a Python file's syntax tree, without docstrings, and with neighbouring imports sorted.

    So comments, layout, quotes and the order of imports do not change it. Raises ValueError as `syntax_tree` does.
    """
    return hashlib.sha256(repr(_plain(syntax_tree(path))).encode()).hexdigest()


def syntax_tree(path: Path) -> ast.Module:
    """Return a Python file's syntax tree. Raises ValueError naming a file that Python can't read."""
    try:
        return ast.parse(Path(path).read_bytes())
    except SyntaxError as error:
        raise ValueError(f"{path}, line {error.lineno}: {error.msg}") from error


def _plain(node):
    """Return a syntax tree as nested lists. Empty parts are left out, because versions of Python differ in them."""
    if isinstance(node, ast.AST):
        fields = ((name, _plain(getattr(node, name, None))) for name in node._fields)
        return [type(node).__name__, *(field for field in fields if field[1] not in (None, []))]
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
    """Return whether a statement is `pass` or a string, like a docstring."""
    is_value = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass) or (is_value and isinstance(node.value.value, str))


NO_CODE = hashlib.sha256(repr(_plain(ast.parse(""))).encode()).hexdigest()  # `syntax_sha256` of no statements
