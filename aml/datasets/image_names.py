"""How the names in a ground truth meet the files in the archives of a test set."""

from collections import Counter
from pathlib import PurePosixPath

IMAGES = (".jpg", ".jpeg", ".png", ".webp")


def without_extension(name: str) -> str:
    """Upstream's names have no extension; one's own may have that of an image."""
    stem, dot, suffix = name.rpartition(".")
    return stem if stem and dot + suffix.lower() in IMAGES else name


class ImageNames:
    """Finds the name that a path in an archive belongs to, among names without extensions.

    Upstream flattens the archives: an image is called by its file name. A name may also have folders: as many of them
    must be the path's last ones, or the file name must be no other name's.
    """

    def __init__(self, names: list[str]):
        files = {name: name.rpartition("/")[2] for name in names}
        counts = Counter(files.values())
        self._by_end = {file: name for name, file in files.items() if counts[file] == 1} | {
            name: name for name in names
        }
        self._alike = {file.casefold(): name for name, file in files.items()}
        self._met: dict[str, str] = {}  # name -> the first path that is nearly its own

    def __call__(self, path: str) -> str | None:
        """The listed name; of other images the file name, without its extension; None for what is no image."""
        parts = PurePosixPath(path).parts
        file = parts[-1] if parts else ""
        is_image = without_extension(file) != file and not file.startswith("._")  # what a Mac keeps beside each file
        ends = ("/".join((*parts[start:-1], without_extension(file))) for start in range(len(parts)))
        name = next((self._by_end[end] for end in ends if end in self._by_end), None) if is_image else None
        if name is None and (alike := self._alike.get(PurePosixPath(file).stem.casefold())):
            self._met.setdefault(alike, path)
        return name or (without_extension(file) if is_image else None)

    def cause(self, missing: list[str]) -> str | None:
        """Why an image is not found, as far as the paths that were met tell it."""
        path = next((self._met[name] for name in missing if name in self._met), None)
        if path is None:
            return None
        if PurePosixPath(path).suffix.lower() not in IMAGES:
            return f"there is {path!r}: only {', '.join(IMAGES)} are read"
        return f"there is {path!r}: capitals and folders must be as in the list"
