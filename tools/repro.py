"""`dvc repro` with DVC's own arguments and results, without writing a whole dvc.lock anew after each stage.

DVC does everything but one step: after a stage, only that stage's entry in dvc.lock is written.
"""

import hashlib
import os
import sys
from pathlib import Path

from dvc import cli
from dvc.commands import repro
from dvc.stage import PipelineStage
from dvc.stage.serialize import to_lockfile
from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

from aml.files.atomic import replacing
from tools.lock_text import is_own_form, spliced

OWN_FORM = Path(".dvc/tmp/own_form")


class Repro(repro.CmdRepro):
    """DVC's command, with another function for one stage: DVC's experiments give it one, too."""

    @property
    def _repro_kwargs(self) -> dict:
        return super()._repro_kwargs | {"repro_fn": reproduce_stage}


def reproduce_stage(stage: PipelineStage, **options) -> PipelineStage | None:
    """Run a stage if it is out of date, note that in its dvc.lock and return the stage; return None if it is up to
    date."""
    done = stage.reproduce(**options)
    if done and not options["dry"]:
        path = Path(stage.path).with_suffix(".lock")
        write_entries(path, to_lockfile(stage))
        stage.repo.scm_context.track_file(os.path.relpath(path))
    return done


def write_entries(path: Path, entries: dict[str, dict]) -> None:
    """Put entries of stages, by name, into a dvc.lock, with the bytes that DVC writes. The caller holds DVC's lock.

    The file is replaced in one step. Whether it is in DVC's own form is checked once: a file in OWN_FORM has the digest
    of a text that is.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    digest = OWN_FORM / f"{os.path.relpath(path).replace(os.sep, '_')}.sha256"
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
        digest.parent.mkdir(parents=True, exist_ok=True)
        digest.write_text(sha256(new))
    if new != text:
        with replacing(path) as temporary:
            temporary.write_text(new, encoding="utf-8")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    repro.CmdRepro = Repro  # DVC's command line looks for it there
    sys.exit(cli.main(["--wait-for-lock", "repro", *sys.argv[1:]]))
