"""Runs that are killed, as people, schedulers and power cuts do, and the runs after them."""

import contextlib
import itertools
import random
import re
import shutil
import signal
import subprocess

import psutil
import pytest
import yaml

from tests.pipeline.conftest import ROOT, Repository, cells, committed, in_order, processes_in, tiny
from tests.pipeline.outside import beside, run_stage

pytestmark = pytest.mark.pipeline

# signals, and whom they reach: "all", as Ctrl-C, a closed session and a power cut do; "dvc" alone, whose stage then
# runs on; "stage", as the system does when memory is short
KILLS = list(itertools.product([signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ["all", "stage", "dvc"]))
KILLS.remove((signal.SIGINT, "dvc"))  # Ctrl-C never reaches DVC alone
ROUNDS = 2  # kills of each stage
LATEST_S = 16.0  # DVC takes two seconds to start, a stage one to five before its first epoch
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


def test_a_training_killed_after_an_epoch_goes_on_to_the_same_bytes(repository, tmp_path):
    stage = f"graph/distill/dvc.yaml:distill@{cells(repository)[3]}"
    expected = repository.outputs(stage)
    checkpoint_every_epoch(repository)
    repository.dvc("repro", "code")
    repository.commit()
    (tmp_path / "sitecustomize.py").write_text(DIES_AT_A_CHECKPOINT)
    dying = ["setsid", "--wait", "env", f"PYTHONPATH={tmp_path}", "dvc", "repro", "--single-item", stage]
    repository.run(*dying, ok=False)
    assert leftovers(repository) and repository.changes() == set()
    output = repository.dvc("repro", "--single-item", stage)
    assert "goes on after epoch 1 of 2" in output
    assert repository.outputs(stage) == expected and leftovers(repository) == []


LONG = [pytest.param(stage, marks=pytest.mark.long) for stage in ("weights", "distill", "targets", "extract_distilled")]


@pytest.mark.parametrize("stage", ["download", "preprocess", "evaluate_distilled", "tables", *LONG])
def test_a_full_disk_ends_a_stage_with_a_sentence_and_no_half_output(finished, tmp_path, stage):
    """No file may grow beyond 1 KiB, which gives the error of a full disk with another number."""
    repository, _ = finished
    folder = beside(repository, tmp_path, num_workers=0)
    done = run_stage(folder, repository, stage, limit="-f 1")
    *_, last = re.split(r"[\r\n]+", done.stderr.strip())  # behind progress bars
    needed = "([0-9,]+ bytes needed, [0-9,]+ free: )?"  # of arrays
    sentence = f"[a-z]+: \\[Errno 27\\] File too large: {needed}'(.*/)?out/.*'"
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
    order = in_order(undisturbed.dvc("repro"))
    kills, num_resumed = itertools.cycle(KILLS), 0
    for stage in order:
        for _ in range(ROUNDS):
            number, victim = next(kills)
            seconds = killed(base, trial, stage, number, victim, rng.uniform(0.5, LATEST_S))
            kill = f"{stage}: {number.name} to {victim} after {seconds:.2f} s"
            output = trial.run("python", "-m", "tools.repair") + trial.dvc("repro", stage)
            print(f"{kill}:\n{output}", flush=True)
            assert trial.outputs(stage) == undisturbed.outputs(stage), kill
            assert leftovers(trial) == [] and processes_in(trial.folder) == [], kill
            num_resumed += "goes on after epoch" in output
        shutil.rmtree(base.folder)
        trial.folder.rename(base.folder)
    assert "Data and pipelines are up to date." in base.dvc("repro")
    assert [base.outputs(stage) for stage in order] == [undisturbed.outputs(stage) for stage in order]
    assert ROUNDS * len(order) >= 20 and num_resumed


def killed(
    base: Repository, trial: Repository, stage: str, number: signal.Signals, victim: str, seconds: float
) -> float:
    """Make `trial` a copy of `base` in which a signal reached a `dvc repro <stage>` before its end: after so many
    seconds, or half as many, as often as needed. Returns after how many."""
    while True:
        shutil.rmtree(trial.folder, ignore_errors=True)
        base.copy(trial.folder)
        process = subprocess.Popen(
            ["dvc", "repro", stage],
            cwd=trial.folder,
            env=trial.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        for target in victims(process.pid, victim) if process.returncode is None else []:
            with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile
                target.send_signal(number)
        if process.wait(120) != 0:  # else it had ended before, or ignored the signal
            return seconds
        seconds /= 2


def victims(dvc: int, which: str) -> list[psutil.Process]:
    """The processes that `which` names, as in KILLS, or DVC if no stage runs."""
    root = psutil.Process(dvc)
    below = root.children(recursive=True)
    stages = [child for child in below if which == "stage" and is_stage(child)]
    return [root, *below] if which == "all" else stages[:1] or [root]


def is_stage(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile, though nobody may have asked yet
        return any(word.startswith("stages.") for word in process.cmdline())
    return False
