"""The same parameters give the same bytes, wherever and in whatever order the stages run."""

import pytest
import yaml

from tests.pipeline.conftest import committed, in_order
from tests.pipeline.outside import beside, run_stage

pytestmark = pytest.mark.pipeline

# Python would turn the C locale into UTF-8
SURROUNDINGS = {
    "PYTHONHASHSEED": "123",
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "C",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
}


def test_a_stage_of_each_kind_in_other_surroundings(finished, tmp_path):
    """Drawing, packing, training, evaluation and tables; two workers instead of none."""
    repository, _ = finished
    folder = beside(repository, tmp_path, num_workers=2)
    for kind in ("download", "preprocess", "distill", "evaluate_distilled", "tables"):
        done = run_stage(folder, repository, kind, **SURROUNDINGS)
        assert done.returncode == 0, done.stderr
    written = [path for path in (folder / "out").rglob("*") if path.is_file()]
    assert len(written) > 20
    for path in written:
        assert path.read_bytes() == (repository.folder / path.relative_to(folder / "out")).read_bytes(), path


@pytest.mark.long
def test_two_full_runs_in_other_surroundings_and_order(finished, tmp_path):
    repository, output = finished
    order = in_order(output)
    values = yaml.safe_load((repository.folder / "params.yaml").read_text())
    values["runtime"]["num_workers"] = 2
    other = committed(tmp_path / "other", values)
    path = other.folder / "aml/images.py"  # the sets are too small for decoding processes
    path.write_text(path.read_text().replace("FEW_PIXELS = 50_000_000", "FEW_PIXELS = 0"))
    surroundings = [f"{name}={value}" for name, value in SURROUNDINGS.items()]
    for stage in [name for name in reversed(order) if name not in ("check", "tables", "experiment")]:
        other.run("env", *surroundings, "dvc", "repro", stage)
    other.run("env", *surroundings, "dvc", "repro")
    differing = [stage for stage in order if other.outputs(stage) != repository.outputs(stage)]
    assert differing == []
