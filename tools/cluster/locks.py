"""Reads and writes entries of dvc.lock and hashes of dependencies, to compare clones and to carry results between them.

Every function here holds DVC's own lock on the repository, or says that its caller does.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.repo import Repo, lock_repo
from dvc.stage.cache import RunCacheNotFoundError
from dvc.utils.serialize import dumps_yaml, load_yaml, parse_yaml_for_update
from dvc_data.hashfile.hash_info import HashInfo

from aml.files.atomic import replacing
from tools.cluster.lock_text import is_own_form, spliced

OWN_FORM = Path(".dvc/tmp/cluster")


def read_entries(addresses: list[str]) -> dict[str, dict]:
    """The entry of each stage in its dvc.lock, by address."""
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


def write_entries(path: Path, entries: dict[str, dict]) -> None:
    """Put entries, by name, into a dvc.lock, with the bytes that DVC writes. The caller holds DVC's lock.

    The file is replaced in one step. Whether it is in DVC's own form is checked once: the digest of a text that is
    stands in OWN_FORM.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    digest = OWN_FORM / f"{path.as_posix().replace('/', '_')}.sha256"
    known = digest.exists() and digest.read_text() == sha256(text)
    new = text if known or is_own_form(text) else None
    for name, entry in entries.items():
        new = spliced(new, name, entry) if new is not None else None
    if new is None:
        content = parse_yaml_for_update(text, path)
        content.setdefault("schema", "2.0")
        content.setdefault("stages", {}).update(entries)
        new = dumps_yaml(content)
    elif not known or new != text:
        OWN_FORM.mkdir(parents=True, exist_ok=True)
        digest.write_text(sha256(new))
    if new != text:
        with replacing(path) as temporary:
            temporary.write_text(new, encoding="utf-8")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def dependencies(address: str) -> dict[str, object]:
    """For each dependency of a stage: its hash in the workspace, or the values of its parameters."""
    with locked() as repo:
        stage = repo.stage.load_one(*divided(address))
        stage.save_deps()
        return {str(dep): dep.hash_info.value for dep in stage.deps}


def restorable(address: str) -> bool:
    """Whether DVC's run cache or an entry in dvc.lock has the outputs for the dependencies in the workspace."""
    with locked() as repo:
        stage = repo.stage.load_one(*divided(address))
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
    """The dvc.lock with a stage's entry, and the stage's name in it."""
    path, name = divided(address)
    return Path(path).with_suffix(".lock"), name


def divided(address: str) -> tuple[str, str]:
    """The dvc.yaml of a stage and its name in it."""
    path, _, name = address.rpartition(":")
    return path or "dvc.yaml", name
