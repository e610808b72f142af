"""The one door through which params.yaml enters: typed, complete, nothing unknown.

DVC writes small floats without a dot (`5e-06`), which YAML 1.1 readers take for text; numbers are read here by the
rule of YAML 1.2. A mistyped value stops a stage before it does any work.
"""

import dataclasses
import math
import re
import sys
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

PARAMETERS = "params.yaml"
T = TypeVar("T")
MAX_BYTES = 1 << 18  # the committed files have some ten thousand
LARGEST = sys.float_info.max

# of several sections, both ends accepted; what is beyond them is a slip that would show late, as a shortage of memory
IMAGE_SIZES = (8, 10_000)  # pixels
BATCH_SIZES = (1, 100_000)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2 numbers, without implicit dates, refusing a key that stands twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - a class attribute by PyYAML's design
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":float", ":timestamp"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node, deep=False):
        lines = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                name, line = self.construct_object(key), key.start_mark.line + 1
                if name in lines:
                    raise ValueError(f"line {line}: key {name!r} stands twice, first in line {lines[name]}; keep one")
                lines[name] = line
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$"),
    list("-+.0123456789"),
)


def parameters() -> dict:
    """All of params.yaml; a stage takes its own sections from it."""
    return read_parameters(PARAMETERS)


def read_parameters(path: Path) -> dict:
    """The whole of a parameters file as plain dicts, lists and scalars.

    Raises ValueError, one sentence with file and line, if it is not there, not UTF-8, not YAML or not a mapping, nested
    too deeply, or too large.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise ValueError(f"no {path} in {Path.cwd()}; call from the project's folder, or git checkout {path}") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path} has {len(content)} bytes; at most {MAX_BYTES} are accepted")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: not UTF-8 text ({error.reason}); save it as UTF-8") from None
    try:
        values = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise ValueError(f"{path}, line {error.problem_mark.line + 1}: {_problem(error)}") from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise ValueError(f"{path}, line {line}: {chr(error.character)!r} can't stand in YAML; remove it") from error
    except ValueError as error:
        raise ValueError(f"{path}, {error}") from error
    except (LookupError, AttributeError, TypeError, RecursionError) as error:  # PyYAML's own, as for `!!int ""`
        raise ValueError(f"{path} is not YAML of plain values: {error!r}") from error
    if values is None:
        raise ValueError(f"{path} is empty; a mapping is expected, as in git checkout {path}")
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds a {type(values).__name__}; a mapping is expected")
    return values


def _problem(error: yaml.MarkedYAMLError) -> str:
    """What PyYAML says of a place, in one line; of a tab, what to do."""
    problem = error.problem or error.context or "not YAML"
    if "'\\t'" in problem:
        return "a tab; YAML indents by spaces"
    return f"not YAML: {' '.join(problem.split())}" + (f" ({' '.join(error.context.split())})" if error.context else "")


def section(values: dict, place: str) -> Any:
    """The value at a dotted `place`, e.g. `networks.student_a`. Raises ValueError listing the keys that exist."""
    current, walked = values, []
    for key in place.split("."):
        if not isinstance(current, dict) or key not in current:
            known = ", ".join(map(str, current)) if isinstance(current, dict) else "nothing below it"
            raise ValueError(f"no {key!r} in params.yaml: {'.'.join(walked) or 'top level'}; known: {known}")
        current = current[key]
        walked.append(key)
    return current


def typed(cls: type[T], values: Any, place: str) -> T:
    """`values` (a mapping) as the dataclass `cls`: every field there, none unknown, each of its annotated type.

    An int is accepted for a float, nothing else for anything else. Raises ValueError with value, place and type.
    """
    if not isinstance(values, dict):
        raise ValueError(f"params.yaml: {place} is {_short(values)}; a mapping is expected")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    unknown = [name for name in values if name not in fields]
    if unknown:
        raise ValueError(f"unknown {unknown[0]!r} in params.yaml: {place}; known: {', '.join(fields)}")
    required = [name for name, field in fields.items() if field.default is dataclasses.MISSING]
    missing = [name for name in required if name not in values]
    if missing:
        raise ValueError(f"params.yaml: {place} lacks {missing[0]!r}; expected: {', '.join(fields)}")
    checked = {name: of_type(fields[name].type, value, f"{place}.{name}") for name, value in values.items()}
    try:
        return cls(**checked)
    except ValueError as error:
        raise ValueError(f"params.yaml: {place}: {error}") from error


def require_within(settings: Any, **limits: tuple[float, float]) -> None:
    """Raises ValueError for a field of `settings`, or a number in one that is a list, outside its limits, given by its
    name, both accepted. None passes."""
    for name, (least, most) in limits.items():
        value = getattr(settings, name)
        for number in value if isinstance(value, list) else [value]:
            if number is not None and not least <= number <= most:
                accepted = f"{least:,} or more" if most == math.inf else f"{least:,} to {most:,}"
                raise ValueError(f"{name} is {_short(number)}; accepted: {accepted}")


def require_positive(settings: Any, *names: str) -> None:
    """Raises ValueError unless these fields of `settings`, or all numbers in one that is a list, are above 0."""
    for name in names:
        value = getattr(settings, name)
        for number in value if isinstance(value, list) else [value]:
            if number <= 0:
                raise ValueError(f"{name} is {_short(number)}; accepted: above 0")


def of_type(kind: Any, value: Any, place: str) -> Any:
    """`value` as `kind` (int, float, str, bool, dict, list[...], Literal[...], or one of these | None).

    Raises ValueError with value, place and what is accepted.
    """
    options = getattr(kind, "__args__", None) if not hasattr(kind, "__origin__") else None  # X | None
    if options:
        if value is None and type(None) in options:
            return None
        return of_type(next(option for option in options if option is not type(None)), value, place)
    if getattr(kind, "__origin__", None) is list:
        if not isinstance(value, list):
            raise ValueError(f"params.yaml: {place} is {_short(value)}; a list is expected")
        return [of_type(kind.__args__[0], item, f"{place}[{i}]") for i, item in enumerate(value)]
    if getattr(kind, "__origin__", None) is Literal:
        if value not in kind.__args__:
            raise ValueError(f"params.yaml: {place} is {_short(value)}; accepted: {', '.join(map(str, kind.__args__))}")
        return value
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not -LARGEST <= value <= LARGEST:
            raise ValueError(f"params.yaml: {place} is {_short(value)}; a finite number is expected")
        return float(value)
    if kind is not float and isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise ValueError(f"params.yaml: {place} is {_short(value)} ({type(value).__name__}); {kind.__name__} is expected")


def _short(value: Any) -> str:
    """A scalar in print, of containers their length: aliases of aliases can make of a small file an endless one."""
    if isinstance(value, int) and value.bit_length() > 100:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, str | int | float | None):
        return repr(value) if len(repr(value)) < 100 else f"{repr(value)[:90]}..."
    return f"a {type(value).__name__} of {len(value)}" if hasattr(value, "__len__") else f"a {type(value).__name__}"
