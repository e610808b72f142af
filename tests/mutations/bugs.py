"""The one-line bugs in the files *.yaml here: what to write in place of what, and which tests must notice."""

from dataclasses import dataclass
from pathlib import Path

import yaml

KEYS = {"file", "tests", "bugs"}  # of a group of bugs in one file


@dataclass(frozen=True)
class Bug:
    """`new` in place of `old`, which `file` holds once; `tests` are the test files of which one must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def made_in(self, text: str) -> str:
        """The text of `file` with the bug. Raises ValueError unless it holds `old` exactly once."""
        if text.count(self.old) != 1:
            raise ValueError(
                f"{self.name}: {self.file} holds {text.count(self.old)} times {self.old!r}; accepted: once. "
                "Write the bug anew for the code as it is"
            )
        return text.replace(self.old, self.new)


def read_bugs() -> list[Bug]:
    """All bugs, file by file. Raises ValueError for a group or a bug with other keys."""
    bugs = []
    for path in sorted(Path(__file__).parent.glob("*.yaml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8")):
            if set(group) != KEYS:
                raise ValueError(f"{path}: a group has {', '.join(group)}; accepted: {', '.join(sorted(KEYS))}")
            for bug in group["bugs"]:
                bugs.append(Bug(**bug, file=group["file"], tests=tuple(group["tests"])))
    return bugs
