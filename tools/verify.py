"""Takes damaged files out of the DVC cache and the workspace, so that the next `dvc repro` makes them again.

Not a stage: the message of a stage that was given a damaged file names it. DVC compares a file's md5 with its name
when the file enters the cache, makes it read-only and never looks inside again; it would put the damaged bytes back.

Reads: every file of the cache. Removes: those whose md5 is not their name, and what is linked to them.
"""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def main(cache: Path, workspace: Path) -> None:
    objects = sorted((cache / "files" / "md5").glob("??/*"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(is_named_by_md5, objects)
        damaged = [path for path, is_whole in zip(objects, found, strict=True) if not is_whole]
    links = linked(workspace, damaged)
    for path in (*links, *damaged):
        path.unlink()
        print(f"verify: removed {path}: damaged", file=sys.stderr)
    print(f"verify: {len(damaged)} of {len(objects)} files in {cache} were damaged", file=sys.stderr)


def is_named_by_md5(path: Path) -> bool:
    """Whether an object of the cache holds what its place says: <first two digits>/<the others>, `.dir` of a folder."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    return found == path.parent.name + path.name.removesuffix(".dir")


def linked(workspace: Path, objects: list[Path]) -> list[Path]:
    """Files of the workspace that are hard or symbolic links to one of `objects`; folders with a dot are left out."""
    wanted = {(os.stat(path).st_dev, os.stat(path).st_ino) for path in objects}
    found = []
    for folder, folders, names in os.walk(workspace):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(folder, name) for name in sorted(names)):
            if path.exists() and (path.stat().st_dev, path.stat().st_ino) in wanted:
                found.append(path)
    return found


if __name__ == "__main__":
    place = subprocess.run(["dvc", "cache", "dir"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    main(Path(place), Path())
