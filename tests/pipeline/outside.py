"""Runs single stages on the results of a finished repository; their outputs go to a folder `out` elsewhere."""

import subprocess
import sys
from pathlib import Path

import yaml

from tests.pipeline.conftest import Repository, cells


def commands(repository: Repository) -> dict[str, list[str]]:
    """The arguments of one stage of each kind, by stage."""
    teacher, _, _, key = cells(repository)
    student, weights = key.split("-")[0], "data/weights"
    lines = {
        "download": "rsynth_a out/data/raw/rsynth_a out/data/digests/rsynth_a.json",
        "preprocess": "rsynth_a data/raw/rsynth_a out/data/processed/rsynth_a out/data/ground_truth/rsynth_a.json",
        "weights": f"out/{weights} out/data/raw/imagenet out/data/digests/imagenet.json",
        "train": f"{student} data/processed/synthsfm {weights}/{student} out/models/{key} --loss reg "
        f"--settings distill --targets data/targets/{teacher} --seed 0",
        "targets": f"models/{teacher} data/processed/synthsfm out/data/targets/{teacher}",
        "extract": f"models/{key} data/processed out/data/descriptors/{key}",
        "evaluate": "data/descriptors data/processed data/ground_truth out/reports/metrics out/data/queries "
        f"--key {key} --network {student} --teacher {teacher} --loss reg --seed 0",
        "tables": "reports/metrics data/queries out/reports/tables out/reports/claims.csv",
    }
    return {stage: arguments.split() for stage, arguments in lines.items()}


def beside(repository: Repository, folder: Path, *, num_workers: int) -> Path:
    """Fill `folder` with links to what stages read, and with parameters that have another number of workers."""
    for name in ("aml", "stages", "synthetic", "data", "models", "reports"):
        (folder / name).symlink_to(repository.folder / name)
    values = yaml.safe_load((repository.folder / "params.yaml").read_text())
    values["runtime"]["num_workers"] = num_workers
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    return folder


def run_stage(
    folder: Path, stage: str, arguments: list[str], env: dict, *, limit: str = ""
) -> subprocess.CompletedProcess:
    """Run a stage in `folder`; limit: arguments of bash's ulimit."""
    command = ["bash", "-c", f'ulimit {limit}; exec "$@"', "bash", sys.executable, "-m", f"stages.{stage}", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
