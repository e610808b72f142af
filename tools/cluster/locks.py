"""Reads and writes entries of dvc.lock and hashes of dependencies, to compare clones and to carry results between them.

Every function here holds DVC's own lock on the repository.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.dvcfile import PROJECT_FILE
from dvc.repo import Repo, lock_repo
from dvc.stage.cache import RunCacheNotFoundError
from dvc.utils import parse_target
from dvc.utils.serialize import load_yaml
from dvc_data.hashfile.hash_info import HashInfo

from tools.repro import write_entries


def read_entries(addresses: list[str]) -> dict[str, dict]:
    """Return the entry of each stage in its dvc.lock, by address."""
    with locked():
        files = {path: load_yaml(path)["stages"] for path in {lock_file(address)[0] for address in addresses}}
    return {address: files[path][name] for address in addresses for path, name in [lock_file(address)]}


def merge_entries(entries: dict[str, dict]) -> None:
    """Put entries, by address, into their dvc.lock files; other entries stay. A file that has them is not written."""
    by_file = defaultdict(dict)
    for address, entry in entries.items():
        path, name = lock_file(address)
        by_file[path][name] = entry
    with locked():
        for path, new in by_file.items():
            write_entries(path, new)


def dependencies(address: str) -> dict[str, object]:
    """Return for each dependency of a stage its hash in the workspace, or the values of its parameters."""
    with locked() as repo:
        stage = repo.stage.get_target(address)
        stage.save_deps()
        return {str(dep): dep.hash_info.value for dep in stage.deps}


def restorable(address: str) -> bool:
    """Return whether DVC's run cache or an entry in dvc.lock has the outputs for the dependencies in the workspace."""
    with locked() as repo:
        stage = repo.stage.get_target(address)
        if stage.changed_stage() or not stage.deps_cached():  # its entry belongs to other dependencies
            stage.save_deps()
            for out in stage.outs:
                out.hash_info = HashInfo()
        try:
            repo.stage_cache.restore(stage, dry=True)
        except RunCacheNotFoundError:
            return False
    return True


@contextmanager
def locked() -> Iterator[Repo]:
    with Repo(_wait_for_lock=True) as repo, lock_repo(repo):
        yield repo


def lock_file(address: str) -> tuple[Path, str]:
    """Return the dvc.lock with a stage's entry, and the stage's name in it."""
    path, name = parse_target(address)
    return Path(path or PROJECT_FILE).with_suffix(".lock"), name
