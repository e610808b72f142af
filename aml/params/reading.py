"""Read params.yaml, and check each value against the type and the limits that a dataclass states.

The file is read as DVC reads it, by the rules of YAML 1.2 (a small float is `5e-06`, `yes` is a word). A mistyped value
stops a stage before it does any work.
"""

import dataclasses
import math
import sys
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

PARAMETERS = "params.yaml"
MAX_BYTES = 1 << 18  # the committed files have some ten thousand
LARGEST = sys.float_info.max


@dataclasses.dataclass(frozen=True)
class Within:
    """Numbers from `least` to `most`, both accepted."""

    least: float
    most: float = math.inf

    def accepts(self, number: float) -> bool:
        return self.least <= number <= self.most

    def __str__(self) -> str:
        return f"{self.least:,} or more" if self.most == math.inf else f"{self.least:,} to {self.most:,}"


@dataclasses.dataclass(frozen=True)
class Above:
    """Numbers above `limit`."""

    limit: float

    def accepts(self, number: float) -> bool:
        return number > self.limit

    def __str__(self) -> str:
        return f"above {self.limit:,}"


# Types of fields with their limits. A value beyond them is a mistake that would show late, as a lack of memory.
SIDES = Within(8, 10_000)  # of an image, pixels
Count = Annotated[int, Within(1)]
Seed = Annotated[int, Within(0)]
NotNegative = Annotated[float, Within(0)]
Positive = Annotated[float, Above(0)]
ImageSize = Annotated[int, SIDES]
BatchSize = Annotated[int, Within(1, 100_000)]


def parameters() -> dict:
    """Return the contents of params.yaml in the current folder."""
    return read_parameters(PARAMETERS)


def read_parameters(path: Path) -> dict:
    """Return the contents of a parameters file as plain dicts, lists and scalars.

    Raises ValueError, one sentence with file and line, for a file that is missing, too large, not UTF-8, not YAML, not
    a mapping or nested too deeply.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise ValueError(f"no {path} in {Path.cwd()}; call from the project's folder, or git checkout {path}") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path} has {len(content)} bytes; at most {MAX_BYTES} are accepted")
    try:
        values = YAML(typ="safe", pure=True).load(content.decode())
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: not UTF-8 text ({error.reason}); save it as UTF-8") from None
    except MarkedYAMLError as error:
        where = f"{path}, line {error.problem_mark.line + 1}" if error.problem_mark else path
        problem = " ".join(f"{error.problem or error.context}".split())
        if r"'\t'" in problem:
            problem = "indent by spaces, without tabs"
        raise ValueError(f"{where}: {problem}") from None
    except Exception as error:  # ruamel raises any, as for a control character or `!!int ""`
        problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ValueError(f"{path} is not YAML of plain values: {problem}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds {_short(values)}; a mapping is expected, as in git checkout {path}")
    return values


def section(values: dict, name: str) -> Any:
    """Return the value with the dotted `name`, e.g. `networks.student_a`, unchecked.

    Raises ValueError with the keys that exist, where there is no such value.
    """
    current, walked = values, []
    for key in name.split("."):
        if not isinstance(current, dict) or key not in current:
            known = ", ".join(map(str, current)) if isinstance(current, dict) else "nothing below it"
            raise ValueError(f"no {key!r} in params.yaml: {'.'.join(walked) or 'top level'}; known: {known}")
        current = current[key]
        walked.append(key)
    return current


def setting(values: dict, name: str, kind: Any) -> Any:
    """Return the value with the dotted `name`, checked as `of_type` does."""
    return of_type(kind, section(values, name), name)


def of_type(kind: Any, value: Any, name: str) -> Any:
    """Return `value` as the type `kind`. Raises ValueError with value, dotted name and what is accepted if it has
    another type.

    kind: int, float, str, bool, dict, a dataclass, list[...], dict[..., ...], Literal[...], one of these | None, or
    Annotated with limits (`Within`, `Above`), which hold for each number of a list. An int is accepted for a float, and
    a mapping for a dataclass if it has each of its fields that have no default, and no other key. Nothing else is
    converted.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        checked = of_type(arguments[0], value, name)
        for number in checked if isinstance(checked, list) else [checked]:
            for limit in arguments[1:]:
                if number is not None and not limit.accepts(number):
                    raise _refused(name, number, limit)
        return checked
    if origin is UnionType:  # X | None
        return None if value is None else of_type(arguments[0], value, name)
    if origin is list:
        if not isinstance(value, list):
            raise ValueError(f"params.yaml: {name} is {_short(value)}; a list is expected")
        return [of_type(arguments[0], item, f"{name}[{i}]") for i, item in enumerate(value)]
    if origin is dict:
        given = of_type(dict, value, name).items()
        return {of_type(arguments[0], key, name): of_type(arguments[1], item, f"{name}.{key}") for key, item in given}
    if origin is Literal:
        if value not in arguments:
            raise _refused(name, value, ", ".join(arguments))
        return value
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, name)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not -LARGEST <= value <= LARGEST:
            raise ValueError(f"params.yaml: {name} is {_short(value)}; a finite number is expected")
        return float(value)
    if kind is not float and isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise ValueError(f"params.yaml: {name} is {_short(value)} ({type(value).__name__}); {kind.__name__} is expected")


def _dataclass(kind: type, values: Any, name: str) -> Any:
    """Return the mapping `values` as the dataclass `kind`, whose `__post_init__` may raise ValueError without the
    `name`."""
    if not isinstance(values, dict):
        raise ValueError(f"params.yaml: {name} is {_short(values)}; a mapping is expected")
    fields = dataclasses.fields(kind)
    types = {field.name: field.type for field in fields}
    for key in values:
        if key not in types:
            raise ValueError(f"unknown {key!r} in params.yaml: {name}; known: {', '.join(types)}")
    for key in [field.name for field in fields if field.default is dataclasses.MISSING]:
        if key not in values:
            raise ValueError(f"params.yaml: {name} lacks {key!r}; expected: {', '.join(types)}")
    checked = {key: of_type(types[key], value, f"{name}.{key}") for key, value in values.items()}
    try:
        return kind(**checked)
    except ValueError as error:
        raise ValueError(f"params.yaml: {name}: {error}") from error


def _refused(name: str, value: Any, accepted: Any) -> ValueError:
    parent, _, last = name.rpartition(".")
    return ValueError(f"params.yaml: {parent}: {last} is {_short(value)}; accepted: {accepted}")


def _short(value: Any) -> str:
    """Return a scalar in print, of containers their length: aliases of aliases can make an endless text of a small
    file."""
    if isinstance(value, int) and value.bit_length() > 100:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, str | int | float | None):
        return repr(value) if len(repr(value)) < 100 else f"{repr(value)[:90]}..."
    return f"a {type(value).__name__} of {len(value)}" if hasattr(value, "__len__") else f"a {type(value).__name__}"
