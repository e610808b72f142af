"""Backbones by name: one file each, whose name is the backbone's name.

Two lines of a file are read without torch (3 s to import; torchvision 5.5 s, timm 7.5 s): `WEIGHTS = "..."`, the source
of the ImageNet weights: a package, or a library and its tag (see `aml.pretrained.imagenet`); `CHANNELS =
[...]`, the number of channels after each stage. `BACKBONE` says the rest. A backbone is a list of stages, so that a
network can keep the first few and freeze fewer still.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).parent
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
INCEPTION = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}


@dataclass(frozen=True)
class Backbone:
    """`stages()` gives the modules, with random weights; `normalisation` is that of the ImageNet weights' images;
    `names`: the library's modules and, in `nn.Sequential(*stages)`, ours ("" drops the name); `in_order`: a block's
    modules stand in the order in which they run, so that BatchNorm can be folded there, too."""

    stages: Callable[[], list[nn.Module]]
    normalisation: dict
    names: dict[str, str] = field(default_factory=dict)
    in_order: bool = False


def known() -> list[str]:
    """Names of all backbones, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def require_known(name: str) -> None:
    """Raises ValueError for an unknown name, with the list of known ones."""
    if name not in known():
        raise ValueError(f"unknown backbone {name!r}; known: {', '.join(known())}")


def weights_source(name: str) -> str:
    """`WEIGHTS` of backbone `name`, read without torch. Raises ValueError for an unknown name, a file without it."""
    return _literal(name, "WEIGHTS")


def channels(name: str) -> list[int]:
    """`CHANNELS` of backbone `name`, read without torch. Raises ValueError for an unknown name, a file without it."""
    return _literal(name, "CHANNELS")


def backbone(name: str) -> Backbone:
    """Raises ValueError for an unknown name, with the list of known ones."""
    require_known(name)
    return importlib.import_module(f"{__name__}.{name}").BACKBONE


def backbone_stages(name: str) -> tuple[list[nn.Module], list[int]]:
    """The stages of backbone `name`, random weights, and the number of channels after each."""
    return backbone(name).stages(), channels(name)


def _literal(name: str, constant: str):
    """The literal in the line `<constant> = ...` of a backbone's file."""
    require_known(name)
    for node in ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == [constant]:
            return ast.literal_eval(node.value)
    raise ValueError(f"{FOLDER.name}/{name}.py has no line {constant} = ...; accepted: a literal string or list")
