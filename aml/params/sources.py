"""The files of a dataset that is not drawn, and where each may come from: `datasets.<name>.sources` in params.yaml."""

from dataclasses import dataclass

ARCHIVES = (".tgz", ".tar.gz", ".tar", ".tar.bz2", ".tar.xz", ".zip")
NUMBER = "{number}"  # stands in names and places for 1 to `archives`


@dataclass(frozen=True)
class SourceFile:
    """One file; two versions of it have two names, so that nobody mistakes one for the other."""

    file: str
    places: list[str]  # URLs and local paths, tried in this order

    def __post_init__(self):
        if self.file.startswith(".") or "/" in self.file or not self.file:
            raise ValueError(f"file is {self.file!r}; accepted: a file name without folders")
        if not self.places:
            raise ValueError(f"{self.file!r} has no places; accepted: one or more URLs or local paths")


def source_files(sources: list[SourceFile], *, numbers: int) -> dict[str, list[str]]:
    """File name -> places, an entry with NUMBER written out from 1 to `numbers`. Raises ValueError for a file that
    stands twice."""
    files: dict[str, list[str]] = {}
    for source in sources:
        for number in range(1, numbers + 1) if NUMBER in source.file else [0]:
            name, *places = (text.replace(NUMBER, str(number)) for text in (source.file, *source.places))
            if name in files:
                raise ValueError(f"{name!r} stands twice; accepted: once, with all its places")
            files[name] = places
    return files


def require_files(files: dict[str, list[str]], needed: list[str]) -> None:
    """Raises ValueError unless each of `needed` is there; a suffix like ".tgz" stands for any archive."""
    for name in needed:
        if not (archive_names(files) if name in ARCHIVES else name in files):
            what = f"archive ({', '.join(ARCHIVES)})" if name in ARCHIVES else repr(name)
            raise ValueError(
                f"no {what} among {', '.join(map(repr, files)) or 'no files'}; needed are {', '.join(needed)}"
            )


def archive_names(files) -> list[str]:
    """The archives among file names, sorted."""
    return sorted(name for name in files if name.endswith(ARCHIVES))
