"""Values that no stage can use, in params.yaml: the check stops each with the value, its place and what is accepted."""

from pathlib import Path

import pytest

from aml.params import datasets
from aml.params.reading import read_parameters
from stages.check import main
from synthetic import kinds, landmarks, sets

ROOT = Path(__file__).parents[2]
LABELLED = "accepted: hard, as contr_plus needs labels"
BROKEN = [
    ("networks.lite0.stages", 0, "stages is 0; accepted: 1 to 8, those of lite0"),
    ("networks.lite0.stages", 99, "stages is 99; accepted: 1 to 8, those of lite0"),
    ("networks.lite0_fixed.frozen_stages", 7, "frozen_stages is 7; accepted: 0 to stages, which is 6"),
    ("networks.lite0.frozen_stages", -1, "frozen_stages is -1; accepted: 0 to stages, which is 6"),
    ("networks.lite0.gem_p", 0, "gem_p is 0.0; accepted: above 0"),
    ("networks.lite0.label", "Lite2", "network label 'Lite2' stands twice"),
    ("losses.contr.margin", -0.1, "losses.contr: margin is -0.1; accepted: 0 or more"),
    ("train_teacher.loss.margin", -0.1, "train_teacher.loss: margin is -0.1; accepted: 0 or more"),
    ("losses.dr.length", 0, "losses.dr: length is 0; accepted: 1 or more"),
    ("losses.rkd.angle_weight", -2, "losses.rkd: angle_weight is -2.0; accepted: 0 or more"),
    ("losses.contr_plus.num_negatives", 0, "accepted: 1 or more, as contr_plus compares with them"),
    ("train_student.loss.num_negatives", 0, "train_student.loss.num_negatives is 0; accepted: 1 or more, as contr"),
    ("losses.contr_plus.num_negatives", -1, "num_negatives is -1; accepted: 0 to 10,000"),
    ("losses.contr_plus.mining", "none", f"losses.contr_plus.mining is 'none'; {LABELLED}"),
    ("losses.contr_plus.mining", "hardest", "losses.contr_plus: mining is 'hardest'; accepted: hard, random, none"),
    ("losses.contr_plus.images_per_epoch", 0, "images_per_epoch is 0; accepted: 1 or more"),
    ("train_teacher.image_size", 0, "train_teacher: image_size is 0; accepted: 8 to 10,000"),
    ("distill.image_size", 10**9, "distill: image_size is 1000000000; accepted: 8 to 10,000"),
    ("distill.epochs", 0, "distill: epochs is 0; accepted: 1 to 100,000"),
    ("distill.batch_size", -5, "distill: batch_size is -5; accepted: 1 to 100,000"),
    ("distill.learning_rate", 0, "distill: learning_rate is 0.0; accepted: above 0"),
    ("distill.learning_rate_decay", -0.1, "distill: learning_rate_decay is -0.1; accepted: 0 or more"),
    ("distill.weight_decay", -1e-6, "distill: weight_decay is -1e-06; accepted: 0 or more"),
    ("distill.gem_learning_rate_factor", -10, "gem_learning_rate_factor is -10.0; accepted: 0 or more"),
    ("distill.pool_size", 0, "distill: pool_size is 0; accepted: 1 or more"),
    ("targets.image_size", 0, "targets: image_size is 0; accepted: 8 to 10,000"),
    ("targets.batch_size", 0, "targets: batch_size is 0; accepted: 1 to 100,000"),
    ("extract.image_size", -1, "extract: image_size is -1; accepted: 8 to 10,000"),
    ("extract.batch_size", 0, "extract: batch_size is 0; accepted: 1 to 100,000"),
    ("extract.scales", [], "extract: scales is []; accepted: one or more"),
    ("extract.scales", [1, 0], "extract: scales is 0.0; accepted: above 0"),
    ("extract.scales", [1, 100], "extract: scales is 100.0; accepted: 0 to 10"),
    ("extract.distractor_dtype", "float8", "distractor_dtype is 'float8'; accepted: float16, float32"),
    ("complexity.sizes", [[72, 100_000]], "complexity: sizes has 100000; accepted: 8 to 10,000"),
    ("complexity.repeats", 10**10, "complexity: repeats is 10000000000; accepted: 1 to 1,000,000"),
    ("bootstrap.draws", 10**10, "bootstrap: draws is 10000000000; accepted: 1 to 1,000,000"),
    ("bootstrap.confidence", 100, "bootstrap: confidence is 100; accepted: percent, between 0 and 100"),
    ("comparison.tolerance", -1, "comparison: tolerance is -1.0; accepted: 0 or more"),
    ("runtime.processes", 100_000, "runtime: processes is 100000; accepted: 1 to 1,024"),
    ("runtime.num_workers", 100_000, "runtime: num_workers is 100000; accepted: 0 to 1,024"),
    ("runtime.num_threads", 100_000, "runtime: num_threads is 100000; accepted: 1 to 1,024"),
    ("runtime.num_downloads", 0, "runtime: num_downloads is 0; accepted: 1 to 1,024"),
    (
        "datasets.rsynth_a.synthetic.kinds",
        ["tower", "pagoda"],
        "kinds is ['tower', 'pagoda']; accepted: one or more of",
    ),
    ("datasets.rsynth_a.synthetic.kinds", [], "kinds is []; accepted: one or more of cathedral"),
    ("datasets.rsynth_a.synthetic.palette", [8], "palette is [8]; accepted: one or more of 0, 1, 2, 3, 4, 5, 6, 7"),
    ("datasets.rsynth_a.synthetic.image_size", 16, "image_size is 16; accepted: 32 to 2,048"),
    ("datasets.rsynth_a.synthetic.num_landmarks", 0, "num_landmarks is 0; accepted: 1 to 100,000"),
    ("datasets.rsynth_a.synthetic.num_other", -1, "num_other is -1; accepted: 0 to 100,000"),
    ("datasets.rsynth_a.synthetic.seed", -1, "seed is -1; accepted: 0 or more"),
    ("datasets.rsynth_a.expected", {"queries": -1}, "expected.queries is -1; accepted: 0 or more"),
    ("datasets.synthsfm.synthetic.views_per_landmark", 1, "views_per_landmark is 1; accepted: 2 to 100,000"),
    ("datasets.synthsfm.synthetic.num_whitening_landmarks", 121, "is 121; accepted: 1 to 120"),
    ("datasets.synthsfm.on_bad_image", "ignore", "on_bad_image is 'ignore'; accepted: error, exclude"),
    ("datasets.synth1k.synthetic.num_images", 0, "num_images is 0; accepted: 1 to"),
    ("datasets.synth1k.archives_in_all", 0, "archives_in_all is 0; accepted: 1 to 1,000"),
    ("grid.students", ["lite0_fixed", "lite0"], "network key 'lite0' stands twice"),
    ("grid.students", [], "students is []; accepted: one or more, each once"),
    ("grid.dimensions", [112, 112, 120], "dimensions is [112, 112, 120]; accepted: each once"),
    ("networks.a/b", {}, "networks.a/b lacks 'label'"),
]


@pytest.mark.parametrize(("place", "value", "message"), BROKEN)
def test_the_check_stops_each(tmp_path, place, value, message):
    values = read_parameters(ROOT / "params.yaml")
    *parents, last = place.split(".")
    section = values
    for name in parents:
        section = section[name]
    section[last] = value
    with pytest.raises(ValueError) as error:
        main(tmp_path / "cell.json", tmp_path / "checked.json", values)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("family", ["datasets", "networks"])
@pytest.mark.parametrize("name", ["a/b", "a b", "a-b", "ä"])
def test_names_that_no_path_can_have(tmp_path, family, name):
    values = read_parameters(ROOT / "params.yaml")
    values[family][name] = next(iter(values[family].values()))
    with pytest.raises(ValueError, match=f"{family}: the name '{name}'; accepted: letters, digits, underscores"):
        main(tmp_path / "cell.json", tmp_path / "checked.json", values)


def test_what_can_be_drawn_is_what_is_accepted():
    assert set(datasets.KINDS) == set(kinds.KINDS)
    assert range(datasets.NUM_STONES) == range(len(landmarks.PALETTE))
    assert datasets.DRAWN_SIZES == (sets.SMALLEST, sets.LARGEST)
