"""The backbones, one file each: the file's name is the backbone's name in params.yaml.

Some lines of a file are read without torch (3 s to import; torchvision 5.5 s, timm 7.5 s): `WEIGHTS = "..."`, where its
ImageNet weights come from (a package, or a library and its tag, see `aml.pretrained.imagenet`); `CHANNELS = [...]`, the
number of channels after each block; and for transformers `CLASS_TOKEN = True`: their blocks give tokens as positions
`(B, C, N, 1)`, the class token first. `BACKBONE` says the rest. A backbone is a list of blocks, so that a network can
keep the first few and freeze fewer still. Read first: lite0.py, then any other.
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
    """How a backbone is made: `blocks()` returns its blocks, with random weights.

    normalisation: that of the images on which the ImageNet weights were trained. names: the library's names of modules,
    and those in `nn.Sequential(*blocks())` ("" drops the name). in_order: whether the modules of a block stand in the
    order in which they run, so that BatchNorm can be folded there too.
    """

    blocks: Callable[[], list[nn.Module]]
    normalisation: dict
    names: dict[str, str] = field(default_factory=dict)
    in_order: bool = False


def known() -> list[str]:
    """Return the names of all backbones, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def weights_source(name: str) -> str:
    """Return `WEIGHTS` of a backbone. Raises ValueError for an unknown name and for a file without it."""
    return _literal(name, "WEIGHTS")


def channels(name: str) -> list[int]:
    """Return `CHANNELS` of a backbone. Raises ValueError for an unknown name and for a file without it."""
    return _literal(name, "CHANNELS")


def has_class_token(name: str) -> bool:
    """Return whether the first position of a backbone's output is a class token. Raises ValueError for an unknown
    name."""
    return _literal(name, "CLASS_TOKEN", default=False)


def backbone(name: str) -> Backbone:
    """Return `BACKBONE` of a backbone. Raises ValueError, with the list of known names, for an unknown one."""
    _require_known(name)
    return importlib.import_module(f"{__name__}.{name}").BACKBONE


def _literal(name: str, constant: str, default=None):
    """Return the literal in the line `<constant> = ...` of a backbone's file; without such a line `default`, if any."""
    _require_known(name)
    for node in ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == [constant]:
            return ast.literal_eval(node.value)
    if default is not None:
        return default
    raise ValueError(f"{FOLDER.name}/{name}.py has no line {constant} = ...; accepted: a literal string or list")


def _require_known(name: str) -> None:
    if name not in known():
        raise ValueError(f"unknown backbone {name!r}; known: {', '.join(known())}")
