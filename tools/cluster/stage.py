"""Runs one stage as `dvc --wait-for-lock repro --single-item` does: `python -m tools.cluster.stage <address>`.

All is DVC's work but one: `locks` writes the stage's entry in dvc.lock, without writing all other entries anew.
"""

import sys

from dvc.exceptions import DvcException
from dvc.stage.serialize import to_lockfile

from tools.cluster import locks


def main(address: str) -> None:
    with locks.locked() as repo, repo.scm_context(quiet=True):
        stage = repo.stage.load_one(*locks.divided(address))
        if stage.reproduce():
            locks.write_entries(locks.lock_file(address)[0], to_lockfile(stage))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (DvcException, ValueError, OSError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
