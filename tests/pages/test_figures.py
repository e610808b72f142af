"""The figures of a full and of a minimal grid: marks, labels, words, files."""

import copy
import itertools
import statistics
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from aml.complexity.costs import Cost
from aml.pages.figures.cost import cost_picture
from aml.pages.figures.distractors import distractors_picture
from aml.pages.figures.losses import losses_picture
from aml.pages.figures.queries import queries_picture
from aml.pages.figures.results import Results
from aml.pages.figures.style import COLOURS, MARKERS, loss_names, mark_style, use_style, write_pictures
from aml.pages.figures.training import read_curves, training_picture
from aml.params.reports import Named
from stages import train
from tests import contents
from tests.tables.paper_records import CHANCE, LOSSES, paper_settings, printed_records, with_seeds

RECORDS = printed_records()
for record in RECORDS.values():  # of the ablation's own losses no score with distractors is printed
    for protocol in ("symmetric", "asymmetric"):
        for name in ("roxford5k", "rparis6k"):
            if protocol in record:
                record[protocol].setdefault(f"{name}+r1m", {"medium": {"mAP": 1.0}})
KEYS = [key for key in RECORDS if key.count("-") < 2]
STUDENT = {
    ("symmetric", "roxford5k", "medium"): {"q1": 50.0, "q2": 20.0, "q3": 30.0},
    ("asymmetric", "roxford5k", "medium"): {"q1": 10.0, "q2": 10.0},
}
TEACHER = {("symmetric", "roxford5k", "medium"): {"q1": 40.0, "q2": 60.0, "q3": 30.0}}
CURVES = {
    "train_loss": [3.0, 2.0, 1 / 3],
    "validation_loss": [3.0, 1.0, 2.0],
    "symmetric_recall": [5.0, 6.0, 7.0],
    "asymmetric_recall": [1.0, 2.0, 3.0],
}


def costs(keys) -> list[Cost]:
    """What the stage `complexity` measures of these networks, one after another more."""
    return [Cost(key, key, 512, 10**6 * n, 768, 1024, 10**9 * n, 1.0, 1, "a CPU", 1) for n, key in enumerate(keys, 1)]


COSTS = costs(KEYS)


def pictures(results: Results) -> list:
    """Every picture that this grid has."""
    made = [
        cost_picture(results, COSTS),
        losses_picture(results),
        distractors_picture(results),
        queries_picture("A by B", STUDENT, TEACHER, results.settings.test_sets, results.settings.note),
        training_picture("A by B", CURVES, results.settings.note),
    ]
    return [picture for picture in made if picture is not None]


@pytest.fixture(scope="module")
def full() -> Results:
    use_style()
    return Results(paper_settings(note="A note."), RECORDS)


def marks(panel) -> list[tuple[float, float]]:
    """(x, y) of every single mark."""
    lines = [line for line in panel.lines if line.get_marker() not in ("None", "", None)]
    return [point for line in lines for point in zip(*line.get_data(), strict=True) if not np.isnan(point).any()]


def mean(key: str, protocol: str, ending: str = "") -> float:
    scores = RECORDS[key][protocol]
    return statistics.fmean(scores[f"{name}{ending}"]["medium"]["mAP"] for name in ("roxford5k", "rparis6k"))


def test_cost_has_a_mark_for_every_network(full):
    """Networks are columns by cost, in which no mark hides another."""
    axes = cost_picture(full, COSTS).figure.axes
    assert [panel.get_title() for panel in axes] == [
        f"{protocol}, by {teacher}" for teacher in ("VGG16", "ResNet101") for protocol in ("symmetric", "asymmetric")
    ]
    assert [len(marks(panel)) for panel in axes] == [21, 19, 21, 19]  # 2 students, 9 losses; 2 without; 1 teacher
    alone = ["vgg16", "mobilenet_v2-512", "efficientnet_b3-512"]
    keys = [*(f"{s}-vgg16-{loss.key}" for s in ("mobilenet_v2", "efficientnet_b3") for loss in LOSSES), *alone]
    found = marks(axes[0])
    assert sorted(y for _, y in found) == pytest.approx(sorted(mean(key, "symmetric") for key in keys))
    costs = {cost.key: cost for cost in COSTS}
    columns = sorted(alone, key=lambda key: costs[key].multiply_adds)
    labels = [label.get_text().splitlines() for label in axes[0].get_xticklabels()]
    assert labels == [[k, f"{costs[k].parameters / 1e6:g} M", f"{costs[k].multiply_adds / 1e9:g} G"] for k in columns]
    teacher, places = columns.index("vgg16"), sorted(x for x, _ in found)
    assert (teacher, mean("vgg16", "symmetric")) in found
    assert Counter(round(x) for x in places) == {column: 1 if column == teacher else 10 for column in range(3)}
    assert min(after - before for before, after in itertools.pairwise(places)) > 0.08  # of a column


def test_a_missing_record_is_no_mark_and_a_sentence(full):
    records = copy.deepcopy(RECORDS)
    del records["mobilenet_v2-vgg16-reg"], records["vgg16"]
    results = Results(full.settings, records)
    made = pictures(results)
    assert [len(marks(panel)) for panel in made[0].figure.axes] == [19, 17, 21, 19]
    assert all("No record, so no mark: vgg16, mobilenet_v2-vgg16-reg." in p.caption for p in made[:3])
    assert len(marks(made[1].figure.axes[0])) == len(marks(losses_picture(full).figure.axes[0])) - 2


def test_losses_have_both_protocols_and_the_ablation_first(full, tmp_path):
    """Drawn again they are the same bytes."""
    axes = losses_picture(full).figure.axes
    assert axes[0].get_title() == "MobileNetV2 by VGG16" and len(axes) == 4
    assert [len(marks(panel)) for panel in axes] == [2 * len(LOSSES)] * 4
    labels = [label.get_text() for label in axes[0].get_yticklabels()]
    assert labels[:5] == ["Contr\npos, neg", "Contr+\nself, pos, neg", "Contr\npos", "Contr\nself, pos", "Reg\nself"]
    assert (mean("mobilenet_v2-vgg16-reg", "asymmetric"), 4) in [(pytest.approx(x), y) for x, y in marks(axes[0])]
    assert [CHANCE, CHANCE] in [list(line.get_xdata()) for line in axes[0].lines]
    written = []
    for _ in range(2):
        write_pictures(tmp_path, [losses_picture(full)])
        written.append(contents(tmp_path))
    assert written[0] == written[1] and len(written[0]) == 3


def test_bars_are_the_deviation_over_seeds():
    factors = {0: 1.0, 1: 0.9, 7: 0.7}
    results = Results(paper_settings(seeds=tuple(factors)), with_seeds(RECORDS, factors))
    panel = losses_picture(results).figure.axes[0]
    middle, wide = mean("mobilenet_v2-vgg16-reg", "asymmetric"), statistics.stdev(factors.values())
    bars = [bar for bars in panel.collections for bar in bars.get_segments() if bar[0][1] == 4]
    ends = [(pytest.approx(bar[0][0], abs=0.01), pytest.approx(bar[1][0], abs=0.01)) for bar in bars]
    center = middle * statistics.fmean(factors.values())
    assert (center - middle * wide, center + middle * wide) in ends
    assert "standard deviation over seeds" in losses_picture(results).caption


def test_distractors_have_two_ends_for_each_network_and_one_test_set_its_own_scores(full):
    axes = distractors_picture(full).figure.axes
    assert [len(marks(panel)) for panel in axes] == [2 * 4 * 9] * 2  # ends, pairs, losses
    reg = "mobilenet_v2-vgg16-reg"
    ends = {round(x, 6) for x, y in marks(axes[1]) if round(y) == 6}  # Reg is the seventh loss
    assert {round(mean(reg, "asymmetric"), 6), round(mean(reg, "asymmetric", "+r1m"), 6)} <= ends
    for test_set, other in itertools.permutations(full.settings.test_sets):
        results = full.of_test_set(test_set)
        heights = [y for _, y in marks(cost_picture(results, COSTS).figure.axes[0])]
        assert RECORDS["vgg16"]["symmetric"][test_set.key]["medium"]["mAP"] in heights
        assert results.measure == f"Medium mAP on {test_set.label}" and other.label not in results.measure


def test_queries_are_dots_of_both_that_have_them():
    picture = queries_picture("A by B", STUDENT, TEACHER, (Named("roxford5k", "ROxford5k"),), "")
    symmetric, asymmetric = picture.figure.axes
    assert sorted(marks(symmetric)) == [(30, 30), (40, 50), (60, 20)]
    assert sorted(marks(asymmetric)) == [(40, 10), (60, 10)]
    assert symmetric.get_title() == "ROxford5k, symmetric\n1 better, 1 worse, 1 equal"
    assert asymmetric.get_title() == "ROxford5k, asymmetric\n0 better, 2 worse"


def write_curves(folder: Path) -> None:
    """As training writes them."""
    epochs = ({name: values[epoch] for name, values in CURVES.items()} for epoch in range(3))
    train.write_curves(folder, [{"epoch": number, "gem_p": 3.0} | epoch for number, epoch in enumerate(epochs)])
    assert read_curves(folder) == CURVES


def test_training_marks_the_epoch_that_is_kept(tmp_path):
    write_curves(tmp_path)
    files = contents(tmp_path / "plots/metrics")
    assert set(files) == {f"{name}.tsv" for name in [*CURVES, "gem_p"]}
    assert files["gem_p.tsv"] == b"step\tgem_p\n0\t3.0\n1\t3.0\n2\t3.0\n"
    picture = training_picture("A by B", CURVES, "")
    losses, recalls = picture.figure.axes
    assert "lowest validation loss, epoch 2." in picture.caption
    assert [len(marks(panel)) for panel in (losses, recalls)] == [6, 6]
    assert [2, 2] in [list(line.get_xdata()) for line in losses.lines]  # the line of the epoch
    assert marks(recalls)[:3] == [(1, 5.0), (2, 6.0), (3, 7.0)]


def test_axes_have_names_and_panels_titles_and_without_any_record_no_marks(full):
    """A minimal grid: tests/tables/test_sub_grids.py."""
    for picture in pictures(full):
        for panel in picture.figure.axes:
            position = panel.get_subplotspec()
            assert panel.get_title() and picture.title and picture.caption.startswith("A note.")
            assert panel.get_xlabel() or not position.is_last_row()
            assert panel.get_ylabel() or not position.is_first_col()
    made = pictures(Results(full.settings, {}))
    assert [picture.file for picture in made] == ["map_cost", "losses", "per_query", "training_curves"]
    assert not any(marks(panel) for panel in made[0].figure.axes)
    for picture in made:
        picture.figure.draw_without_rendering()


def test_losses_are_told_apart_in_name_and_style():
    names = loss_names(LOSSES)
    assert names["contr"] == "Contr (pos, neg)" and names["contr_pos_self"] == "Contr (self, pos)"
    assert names["reg"] == "Reg" and len(set(names.values())) == len(LOSSES)
    styles = {(mark_style(n)["color"], mark_style(n)["marker"]) for n in range(len(COLOURS) * len(MARKERS))}
    assert len(styles) == len(COLOURS) * len(MARKERS)
