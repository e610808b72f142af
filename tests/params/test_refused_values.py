"""Values that no stage can use, in a parameters file: the check stops each with the value, where it stands and what is
accepted, and writes nothing."""

import pytest

from aml.params import datasets
from aml.params.reading import read_parameters
from stages.check import main
from synthetic import kinds, landmarks
from tests import ROOT, set_at

OURS, PAPER = "params.yaml", "params.paper.yaml"
GROUND_TRUTH = {"file": "gnd_roxford5k.pkl", "places": ["/x"]}
DRAWN = {"seed": 3, "image_size": 96, "num_images": 100}
REFUSED = [
    # types
    (OURS, "distill.epochs", True, "params.yaml: distill.epochs is True (bool); int is expected"),
    (OURS, "distill.epochs", 3.0, "distill.epochs is 3.0 (float); int is expected"),
    (OURS, "distill.learning_rate", "5e-06x", "distill.learning_rate is '5e-06x' (str); float is expected"),
    (OURS, "distill.learning_rate", float("nan"), "distill.learning_rate is nan; a finite number is expected"),
    (OURS, "distill.learning_rate", 1 << 4000, "is a number of 4001 bits; a finite number is expected"),
    (OURS, "networks.lite0.whitening", "yes", "networks.lite0.whitening is 'yes' (str); bool is expected"),
    (OURS, "extract.scales", 1.0, "extract.scales is 1.0; a list is expected"),
    (OURS, "extract.scales", [1, "a"], "extract.scales[1] is 'a' (str); float is expected"),
    (OURS, "expansion.query", 3, "expansion.query is 3; a mapping is expected"),
    (OURS, "expansion.database", {"neighbours": 9}, "expansion.database lacks 'alpha'; expected: neighbours, alpha"),
    (PAPER, "distill.seed", 0, "unknown 'seed' in params.yaml: distill; known: image_size"),
    (PAPER, "distil", {}, "unknown 'distil' in params.yaml: params.yaml; known: student, teacher, loss"),
    # limits, one field of each
    (OURS, "distill.image_size", 10**9, "distill: image_size is 1000000000; accepted: 8 to 10,000"),
    (OURS, "distill.epochs", 0, "distill: epochs is 0; accepted: 1 to 100,000"),
    (OURS, "distill.batch_size", -5, "distill: batch_size is -5; accepted: 1 to 100,000"),
    (OURS, "distill.learning_rate", 0, "distill: learning_rate is 0.0; accepted: above 0"),
    (OURS, "distill.learning_rate_decay", -0.1, "distill: learning_rate_decay is -0.1; accepted: 0 or more"),
    (OURS, "distill.pool_size", 0, "distill: pool_size is 0; accepted: 1 or more"),
    (PAPER, "train_teacher.seed", -1, "train_teacher: seed is -1; accepted: 0 or more"),
    (OURS, "extract.scales", [1, 100], "extract: scales is 100.0; accepted: 0 to 10"),
    (OURS, "extract.distractor_dtype", "float8", "distractor_dtype is 'float8'; accepted: float16, float32"),
    (OURS, "expansion.query", {"neighbours": 9, "alpha": -1}, "expansion.query: alpha is -1.0; accepted: 0 or more"),
    (OURS, "complexity.repeats", 10**10, "complexity: repeats is 10000000000; accepted: 1 to 1,000,000"),
    (OURS, "runtime.num_workers", 100_000, "runtime: num_workers is 100000; accepted: 0 to 1,024"),
    (OURS, "datasets.rsynth_a.synthetic.image_size", 16, "image_size is 16; accepted: 32 to 2,048"),
    (OURS, "datasets.synthsfm.synthetic.views_per_landmark", 1, "views_per_landmark is 1; accepted: 2 to 100,000"),
    # what a section checks by itself
    (OURS, "networks.lite0.stages", 99, "stages is 99; accepted: 1 to 23, those of lite0"),
    (OURS, "networks.lite0.frozen_stages", 18, "frozen_stages is 18; accepted: 0 to stages, which is 17"),
    (OURS, "networks.lite0.gem_p", None, "gem_p is empty; accepted: a number above 0, since lite0 has no class token"),
    (PAPER, "networks.vgg16.backbone", "vgg19", "unknown backbone 'vgg19'; known: dinov2_vitb14, dinov2_vits14, eff"),
    (OURS, "losses.contr.margin", -0.1, "losses.contr: margin is -0.1; accepted: 0 or more"),
    (OURS, "losses.dr.length", 0, "losses.dr: length is 0; accepted: 1 or more"),
    (OURS, "losses.contr_plus.num_negatives", 0, "accepted: 1 or more, as contr_plus compares with them"),
    (OURS, "losses.contr_plus.mining", "none", "mining is 'none'; accepted for contr_plus: hard"),
    (OURS, "losses.csd.mining", "random", "mining is 'random'; accepted for csd: neighbours"),
    (OURS, "losses.contr.constants", {}, "known: label, mining, num_negatives, images_per_epoch, margin"),
    (OURS, "train_teacher.loss.mining", "none", "train_teacher.loss; known: num_negatives, images_per_epoch, margin"),
    (OURS, "train_student.loss.num_negatives", 0, "num_negatives is 0; accepted: 1 or more, as contr"),
    (OURS, "grid.loss_without_teacher", "ssp", "loss_without_teacher is ssp; accepted: a loss that needs no teacher"),
    (OURS, "extract.scales", [], "extract: scales is []; accepted: one or more"),
    (OURS, "complexity.sizes", [], "sizes is []; accepted: one or more [height, width]"),
    (OURS, "complexity.sizes", [[96]], "sizes is [[96]]; accepted: one or more [height, width], each once"),
    (OURS, "complexity.sizes", [[96, 96], [96, 96]], "each once"),
    (OURS, "bootstrap.confidence", 100, "bootstrap: confidence is 100; accepted: percent, between 0 and 100"),
    (OURS, "index.probes", 10**6, "index: probes is 1000000; accepted: at most lists, which is"),
    (PAPER, "runtime.device", "tpu", "params.yaml: runtime: device is 'tpu'; accepted: auto, cpu, cuda"),
    (OURS, "datasets.rsynth_a.synthetic.kinds", ["pagoda"], "kinds[0] is 'pagoda'; accepted: cathedral, church"),
    (OURS, "datasets.rsynth_a.synthetic.palette", [8], "synthetic: palette is 8; accepted: 0 to 7"),
    (OURS, "datasets.rsynth_a.synthetic.palette", [], "palette []; accepted: one or more of each"),
    (OURS, "datasets.rsynth_a.expected", {"queries": -1}, "expected: queries is -1; accepted: 0 or more"),
    (OURS, "datasets.rsynth_a.layout", "oxford", "unknown layout 'oxford' in params.yaml: datasets.rsynth_a; known: s"),
    (OURS, "datasets.synth1k.synthetic.num_images", 1, "num_images is 1; accepted: 2 or more, one for each"),
    (PAPER, "datasets.r1m.archives", 101, "datasets.r1m: archives is 101; accepted: 0 to 100"),
    (PAPER, "datasets.r1m.sources", None, "datasets.r1m has neither of sources and synthetic; exactly one is accepted"),
    (PAPER, "datasets.r1m.synthetic", DRAWN, "datasets.r1m has both of sources and synthetic"),
    (PAPER, "datasets.roxford5k.sources", [], "no 'gnd_roxford5k.pkl' among no files; needed are"),
    (PAPER, "datasets.roxford5k.sources", [GROUND_TRUTH], "no archive (.tgz, .tar.gz"),
    (PAPER, "datasets.sfm120k.sources", [{"file": "a/b", "places": ["/x"]}], "file is 'a/b'; accepted: a file name"),
    (PAPER, "datasets.sfm120k.sources", [{"file": "x", "places": []}], "'x' has no places; accepted: one or more"),
    (PAPER, "datasets.sfm120k.sources", [{"file": "x", "places": ["y"]}] * 2, "'x' stands twice; accepted: once"),
    (PAPER, "datasets.rparis6k.expected.files", 7, "expected is 'files'; accepted: queries, database, images"),
    (PAPER, "weights", {"lite0": None}, "unknown 'lite0' in params.yaml: weights; known: dinov2_vitb14, dinov2_vits14"),
    (PAPER, "weights", {"vgg16": ["/a/x"], "resnet101": ["/b/x"]}, "weights names two files of one name in x, x"),
    # what sections say of one another
    (OURS, "networks.lite0.label", "Lite2", "network label 'Lite2' stands twice"),
    (PAPER, "networks.vgg16.stages", 5, "grid.dimensions is [512, 2048]; accepted: [64, 2048], those of"),
    (PAPER, "losses.dr.length", 5, "distill.batch_size is 5; accepted: at least 6 for dr"),
    (PAPER, "train_student.batch_size", 2001, "at most 2000, which is train_student.loss.images_per_epoch"),
    (PAPER, "distill.batch_size", 2, "distill.batch_size is 2; accepted: at least 3 for rkd"),
    (OURS, "losses", {}, "no 'contr' in params.yaml: losses; known: "),
    (PAPER, "loss", "foo", "unknown 'foo' in params.yaml: loss; known: contr, "),
    (OURS, "grid.students", ["lite0_short", "lite0"], "network key 'lite0' stands twice"),
    (OURS, "grid.students", [], "students is []; accepted: one or more, each once"),
    (PAPER, "grid.losses", ["contr", "regg"], "unknown 'regg' in params.yaml: grid.losses; known: cc, contr, "),
    (PAPER, "grid.teachers", ["resnet101", "vgg16"], "accepted: [2048, 512], those of grid.teachers in their order"),
    (PAPER, "grid.published_teachers", ["vgg16"], "are ['vgg16']; accepted: each of grid.teachers, vgg16, resnet101"),
    (OURS, "grid.dimensions", [672, 672, 720], "dimensions is [672, 672, 720]; accepted: each once"),
    (PAPER, "grid.seeds", [1, 2], "unknown 0 in params.yaml: seed; known: 1, 2"),
    (PAPER, "grid.seeds", None, "unknown 0 in params.yaml: seed; known: "),
    (PAPER, "grid.seeds", [0, -1], "seeds is [0, -1]; accepted: one or more, each once, 0 or more"),
    (PAPER, "grid.train_set", "roxford5k", "unknown 'roxford5k' in params.yaml: grid (training sets); known: sfm120k"),
    (PAPER, "grid.distractors", None, "grid.datasets names 'r1m', which nothing trains or is tested on"),
]
MADE = {"label": "Made", "folder": "/x", "components": 8, "negative": "split", "queries": True, "whitening": "none"}
REFUSED += [
    (OURS, "vectors", {"made": MADE | {"components": 0}}, "vectors.made: components is 0; accepted: 1 to 100,000"),
    (OURS, "vectors", {"lite0": MADE}, "vectors and networks both have 'lite0'; accepted: a name of its own"),
    (OURS, "vectors", {"synth1k": MADE}, "vectors and datasets both have 'synth1k'; accepted: a name of its own"),
    (OURS, "grid.vector_teachers", ["made"], "unknown 'made' in params.yaml: grid.vector_teachers; known: "),
    (OURS, "grid.teachers", ["lite0", "made"], "no 'made' in params.yaml: networks; known: lite0, lite2"),
    (OURS, "grid.students", ["made"], "no 'made' in params.yaml: networks; known: lite0, lite2"),
]
for name in ("a/b", "a b", "a-b", "ä"):
    REFUSED += [(OURS, "vectors", {name: MADE}, f"the name '{name}'; accepted: letters, digits, underscores")]


@pytest.mark.parametrize(("file", "name", "value", "message"), REFUSED)
def test_the_check_stops_each(tmp_path, file, name, value, message):
    values = set_at(read_parameters(ROOT / file), name, value)
    with pytest.raises(ValueError) as error:
        main(tmp_path / "cell.json", tmp_path / "checked.json", values)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_what_can_be_drawn_is_what_is_accepted():
    assert set(datasets.KINDS) == set(kinds.KINDS)
    assert range(datasets.NUM_STONES) == range(len(landmarks.PALETTE))
