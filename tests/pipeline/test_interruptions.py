"""Runs that are killed, and the runs after them."""

import itertools
import random
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.pipeline.conftest import ROOT, Repository, cells, committed, processes_in, tiny
from tests.pipeline.kills import REPAIR, Kill, interrupted_repro
from tests.pipeline.outside import beside, commands, run_stage

pytestmark = pytest.mark.pipeline

KILLS = list(itertools.product([signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ["all", "stage", "dvc"]))
KILLS.remove((signal.SIGINT, "dvc"))  # Ctrl-C never reaches DVC alone
ROUNDS = 2  # kills of each stage
LATEST_S = 16.0  # DVC takes two seconds to start, a stage one to five before its first epoch
TIMED = {f"reports/{name}" for name in ("complexity.csv", "complexity.tex", "index.html")}
CHECKPOINTS = "aml/training/checkpoints.py"

# Ends the process, and all that started with it, where a training has just written its first checkpoint.
DIES_AT_A_CHECKPOINT = """
import os, signal

whole = os.replace

def replace(source, target):
    whole(source, target)
    if str(target).endswith("checkpoint.pt"):
        os.killpg(0, signal.SIGKILL)

os.replace = replace
"""


def checkpoint_every_epoch(repository: Repository) -> None:
    path = repository.folder / CHECKPOINTS
    text = path.read_text()
    assert text.count("INTERVAL_S = 10.0") == 1
    path.write_text(text.replace("INTERVAL_S = 10.0", "INTERVAL_S = 0.0"))


def leftovers(repository: Repository) -> list[str]:
    """The files that killed runs have left in the folders of results."""
    paths = [path for name in ("data", "models", "reports") for path in (repository.folder / name).rglob("*")]
    return [str(path) for path in paths if path.name.startswith(".") and path.name != ".gitignore"]


def outputs(repository: Repository, stage: str) -> dict[str, bytes]:
    """The bytes of every file that a finished stage wrote, by path; empty for those that show measured times."""
    file, _, name = stage.rpartition(":")
    lock = repository.folder / Path(file or "dvc.yaml").with_suffix(".lock")
    outs = yaml.safe_load(lock.read_text())["stages"][name]["outs"]
    roots = [repository.folder / out["path"] for out in outs]
    files = [path for root in roots for path in ([root] if root.is_file() else sorted(root.rglob("*")))]
    files = {str(path.relative_to(repository.folder)): path for path in files if path.is_file()}
    return {name: b"" if name in TIMED else path.read_bytes() for name, path in files.items()}


def stages_in_order(output: str) -> list[str]:
    """The stages whose commands DVC ran, with the paths of their dvc.yaml files."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage '")]


def test_a_training_killed_after_an_epoch_goes_on_to_the_same_bytes(repository, tmp_path):
    stage = f"graph/distill/dvc.yaml:distill@{cells(repository)[3]}"
    expected = outputs(repository, stage)
    checkpoint_every_epoch(repository)
    repository.dvc("repro", "code")
    repository.commit()
    (tmp_path / "sitecustomize.py").write_text(DIES_AT_A_CHECKPOINT)
    dying = ["setsid", "--wait", "env", f"PYTHONPATH={tmp_path}", "dvc", "repro", "--single-item", stage]
    repository.run(*dying, ok=False)
    assert leftovers(repository) and repository.changes() == set()
    output = repository.dvc("repro", "--single-item", stage)
    assert "goes on after epoch 1 of 2" in output
    assert outputs(repository, stage) == expected and leftovers(repository) == []


LONG = [pytest.param(stage, marks=pytest.mark.long) for stage in ("weights", "train", "targets", "extract")]


@pytest.mark.parametrize("stage", ["download", "preprocess", "evaluate", "tables", *LONG])
def test_a_full_disk_ends_a_stage_with_a_sentence_and_no_half_output(finished, tmp_path, stage):
    """No file may grow beyond 1 KiB, which gives the error of a full disk with another number."""
    repository, _ = finished
    arguments, folder = commands(repository)[stage], beside(repository, tmp_path, num_workers=0)
    done = run_stage(folder, stage, arguments, repository.environment(), limit="-f 1")
    *_, last = re.split(r"[\r\n]+", done.stderr.strip())  # behind progress bars
    needed = "([0-9,]+ bytes needed, [0-9,]+ free: )?"  # of arrays
    sentence = f"{stage}: \\[Errno 27\\] File too large: {needed}'(.*/)?out/.*'"
    assert done.returncode == 1 and re.fullmatch(sentence, last)
    assert "Traceback" not in done.stderr
    written = [path for path in (folder / "out").rglob("*") if path.is_file()]
    # a list of two queries is small enough for a shard, with which the next run goes on
    assert [path for path in written if not any(part.endswith(".partial") for part in path.parts)] == []


@pytest.mark.long
def test_every_stage_survives_every_kind_of_kill(tmp_path):
    """Each stage of the graph is killed ROUNDS times in its first run; the next run must give the bytes of an
    undisturbed one."""
    values = tiny(yaml.safe_load((ROOT / "params.yaml").read_text()))
    values["runtime"]["num_workers"] = 2
    for name in ("train_teacher", "train_student", "distill"):
        values[name]["epochs"] = 30
    undisturbed, rng = committed(tmp_path / "undisturbed", values), random.Random(0)
    checkpoint_every_epoch(undisturbed)
    base, trial = undisturbed.copy(tmp_path / "base"), Repository(tmp_path / "trial")
    order = stages_in_order(undisturbed.dvc("repro"))
    kills, num_resumed = itertools.cycle(KILLS), 0
    for stage in order:
        for _ in range(ROUNDS):
            kill = killed(base, trial, stage, Kill(*next(kills), rng.uniform(0.5, LATEST_S)))
            output = trial.run(*REPAIR) + trial.dvc("repro", stage)
            print(f"{stage}, {kill}:\n{output}", flush=True)
            assert outputs(trial, stage) == outputs(undisturbed, stage), f"{stage}, {kill}"
            assert leftovers(trial) == [] and processes_in(trial.folder) == [], f"{stage}, {kill}"
            num_resumed += "goes on after epoch" in output
        shutil.rmtree(base.folder)
        trial.folder.rename(base.folder)
    assert "Data and pipelines are up to date." in base.dvc("repro")
    assert [outputs(base, stage) for stage in order] == [outputs(undisturbed, stage) for stage in order]
    assert ROUNDS * len(order) >= 20 and num_resumed


def killed(base: Repository, trial: Repository, stage: str, kill: Kill) -> Kill:
    """Make `trial` a copy of `base` in which a `dvc repro <stage>` was killed before its end: as `kill` says, or after
    half of that time, as often as needed."""
    while True:
        shutil.rmtree(trial.folder, ignore_errors=True)
        base.copy(trial.folder)
        if interrupted_repro(trial, stage, kill):
            return kill
        kill = replace(kill, after_s=kill.after_s / 2)
