"""The losses by name: one file a loss, whose name is the loss's name. Reading their facts needs no torch.

A loss is a function of anchors (B, D) and references (B, M, D), see `contr`; its keyword-only arguments are its
constants.
"""

import ast
import importlib
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).parent


def known() -> list[str]:
    """Names of all losses, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def members(name: str) -> tuple[str, ...]:
    """Members of a tuple that the loss uses, out of "self", "positive", "negatives"; () for relations in a batch."""
    found = _literal(name, "MEMBERS")
    if found is None:
        raise ValueError(f"aml/losses/{name}.py has no line MEMBERS = (...); accepted: a literal tuple of strings")
    return found


def equation(name: str) -> int | None:
    """Number of the loss's equation in the paper, for print; None where the file has no line EQUATION = <number>."""
    found = _literal(name, "EQUATION")
    if found is not None and type(found) is not int:
        raise ValueError(f"aml/losses/{name}.py: EQUATION is {found!r}; accepted: a whole number, or no such line")
    return found


def constants(name: str) -> dict[str, type]:
    """The loss's keyword-only arguments and their types, float or int, in the order of its signature."""
    types = {"float": float, "int": int}
    for node in _parse(name).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            annotated = {argument.arg: getattr(argument.annotation, "id", None) for argument in node.args.kwonlyargs}
            for argument, annotation in annotated.items():
                if annotation not in types:
                    raise ValueError(
                        f"aml/losses/{name}.py: {argument} is annotated {annotation}; accepted: float, int"
                    )
            return {argument: types[annotation] for argument, annotation in annotated.items()}
    raise ValueError(f"aml/losses/{name}.py has no function {name}; accepted: one function with the file's name")


def load(name: str) -> Callable:
    """The loss's function; the only thing here that imports torch."""
    _require_known(name)
    return getattr(importlib.import_module(f"aml.losses.{name}"), name)


def _literal(name: str, variable: str):
    """What the loss's file assigns to `variable`, None if nothing."""
    for node in _parse(name).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == [variable]:
            return ast.literal_eval(node.value)
    return None


def _parse(name: str) -> ast.Module:
    _require_known(name)
    return ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))


def _require_known(name: str) -> None:
    if name not in known():
        raise ValueError(f"unknown loss {name!r}; known: {', '.join(known())}")
