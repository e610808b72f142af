"""Entries of dvc.lock and what stages depend on, to compare and to carry between clones.

DVC rewrites a dvc.lock whole; its own lock on the repository is held here, as its processes do.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.repo import Repo, lock_repo
from dvc.stage.cache import RunCacheNotFoundError
from dvc.utils.serialize import load_yaml, modify_yaml
from dvc_data.hashfile.hash_info import HashInfo


def read_entries(addresses: list[str]) -> dict[str, dict]:
    """The entry of each stage in its dvc.lock, by address."""
    with locked():
        files = {path: load_yaml(path)["stages"] for path in {place(address)[0] for address in addresses}}
    return {address: files[path][name] for address in addresses for path, name in [place(address)]}


def merge_entries(entries: dict[str, dict]) -> None:
    """Takes over entries, by address; all others stay. A file that has them already is not written."""
    by_file = defaultdict(dict)
    for address, entry in entries.items():
        path, name = place(address)
        by_file[path][name] = entry
    with locked():
        for path, new in by_file.items():
            old = load_yaml(path).get("stages", {}) if path.exists() else {}
            if any(old.get(name) != entry for name, entry in new.items()):
                with modify_yaml(path) as content:
                    content.setdefault("schema", "2.0")
                    content.setdefault("stages", {}).update(new)


def dependencies(address: str) -> dict[str, object]:
    """What stands in the workspace for each dependency of a stage: its hash, or the parameters' values."""
    with locked() as repo:
        stage = repo.stage.load_one(*divided(address))
        stage.save_deps()
        return {str(dep): dep.hash_info.value for dep in stage.deps}


def restorable(address: str) -> bool:
    """Whether DVC's run cache, or an entry in dvc.lock, has the outputs for what stands in the workspace."""
    with locked() as repo:
        stage = repo.stage.load_one(*divided(address))
        if stage.changed_stage() or not stage.deps_cached():  # its entry speaks of other outputs
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


def place(address: str) -> tuple[Path, str]:
    """The dvc.lock in which a stage has its entry, and the name that it has there."""
    path, name = divided(address)
    return Path(path).with_suffix(".lock"), name


def divided(address: str) -> tuple[str, str]:
    path, _, name = address.rpartition(":")
    return path or "dvc.yaml", name
