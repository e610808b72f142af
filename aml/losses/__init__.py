"""The losses, one file each: the file's name is the loss's name in params.yaml, its function has that name, too.

A loss is a function of `anchors` (B, D), unit-norm descriptors by the student, and `references` (B, M, D), unit-norm
descriptors by the teacher (by the network itself, where there is no teacher): [:, 0] the anchor, [:, 1] its positive,
[:, 2:] its negatives; or [:, 1:] its nearest images in the teacher's space, falling. It returns a scalar, 0 with a
graph for B = 0, in the dtype of its inputs. Its keyword-only arguments are its constants in params.yaml. `MEMBERS`
names the members of a tuple that it uses, `EQUATION` its equation in the paper.

A loss with the keyword `bank` has a second function, `bank(descriptors, **constants)`, which makes that tensor of the
teacher's descriptors of the training images, once, before training. Call a loss through `load`, which checks the
inputs. Read first: reg.py, contr.py, then any other.
"""

import ast
import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

FOLDER = Path(__file__).parent


def known() -> list[str]:
    """Return the names of all losses, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def members(name: str) -> tuple[str, ...]:
    """Return the members of a tuple that the loss uses, out of "self", "positive", "negatives", "neighbours".

    () is for losses that compare relations within a batch.
    """
    found = _literal(name, "MEMBERS")
    if found is None:
        raise ValueError(f"aml/losses/{name}.py has no line MEMBERS = (...); accepted: a literal tuple of strings")
    return found


def equation(name: str) -> int | None:
    """Return the number of the loss's equation in the paper; None where its file has no line EQUATION = <number>."""
    return _literal(name, "EQUATION")


def constants(name: str) -> dict[str, type]:
    """Return the loss's keyword-only arguments without `bank`, and their types, float or int, in order."""
    types = {"float": float, "int": int}
    for node in _parse(name).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            found = {argument.arg: getattr(argument.annotation, "id", None) for argument in node.args.kwonlyargs}
            found.pop("bank", None)
            if wrong := [argument for argument, kind in found.items() if kind not in types]:
                raise ValueError(
                    f"aml/losses/{name}.py: {wrong[0]} is annotated {found[wrong[0]]}; accepted: float, int"
                )
            return {argument: types[kind] for argument, kind in found.items()}
    raise ValueError(f"aml/losses/{name}.py has no function {name}; accepted: one function with the file's name")


def has_bank(name: str) -> bool:
    """Return whether the loss compares with a bank, which is made of a teacher's descriptors."""
    return any(isinstance(node, ast.FunctionDef) and node.name == "bank" for node in _parse(name).body)


def make_bank(name: str, descriptors: "np.ndarray", constants: dict) -> dict[str, "Tensor"]:
    """Return {"bank": ...} of the teacher's descriptors (N, D) of the training images; {} for a loss without a bank."""
    if not has_bank(name):
        return {}
    return {"bank": importlib.import_module(f"aml.losses.{name}").bank(descriptors, **constants)}


def load(name: str) -> Callable[..., "Tensor"]:
    """Return the loss's function, with its inputs' shapes checked; only this imports torch.

    The function raises ValueError for shapes that do not fit and for tuples that lack a member.
    """
    function, used = getattr(importlib.import_module(f"aml.losses.{_require_known(name)}"), name), members(name)
    expected = ["anchor", "positive", "negatives"]
    while len(expected) > 1 and expected[-1] not in used:
        expected.pop()

    @functools.wraps(function)
    def checked(anchors: "Tensor", references: "Tensor", **constants) -> "Tensor":
        fits = anchors.ndim == 2 and references.ndim == 3 and references.shape[::2] == anchors.shape
        if not fits or references.shape[1] < len(expected):
            raise ValueError(
                f"{name}: anchors {tuple(anchors.shape)}, references {tuple(references.shape)}; accepted: (B, D) and "
                f"(B, M, D) with M >= {len(expected)}: {', '.join(expected)}"
            )
        return function(anchors, references, **constants)

    return checked


def _literal(name: str, variable: str):
    """Return what the loss's file assigns to `variable`, None for nothing."""
    for node in _parse(name).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == [variable]:
            return ast.literal_eval(node.value)
    return None


def _parse(name: str) -> ast.Module:
    return ast.parse((FOLDER / f"{_require_known(name)}.py").read_text(encoding="utf-8"))


def _require_known(name: str) -> str:
    """Return `name`. Raises ValueError, with the list of known ones, for an unknown loss."""
    if name not in known():
        raise ValueError(f"unknown loss {name!r}; known: {', '.join(known())}")
    return name
