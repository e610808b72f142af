"""Intervals, differences and marks, on queries whose means are the printed scores."""

import numpy as np
import pytest

from aml.params.reports import BootstrapSettings, Named
from aml.tables.bootstrap import Answers, draw, read_scores
from aml.tables.build import build_tables
from aml.tables.csv_files import write_lines
from aml.tables.latex import render
from aml.tables.uncertainty import Difference, find_differences, marked
from tests.tables.paper_records import LOSSES, SHIFTS, paper_settings, write_queries

BOOTSTRAP = BootstrapSettings(seed=0, draws=500, confidence=95.0)
SETTINGS = paper_settings(
    students=(Named("mobilenet_v2", "MobileNetV2"),),
    losses=tuple(loss for loss in LOSSES if loss.key in ("contr", "contr_plus", "reg")),
)
REG = "mobilenet_v2-vgg16-reg"


def every(records):
    networks = SETTINGS.without_teacher() + SETTINGS.of_pairs(SETTINGS.losses)
    return [network.key for network in networks if network.key in records]


def test_what_all_queries_agree_on_is_no_noise(records, tmp_path):
    """Shifts are the same in all files, so each difference is that of the means, without any width."""
    scores = read_scores(write_queries(tmp_path / "q", records, every(records)), records, SETTINGS)
    lines = find_differences(scores, draw(scores, BOOTSTRAP), SETTINGS, BOOTSTRAP)
    assert len(lines) == 2 * 3 * 2 * 2 * 2 * 2  # pairs x couples of losses x protocols x sets x distractors x levels
    for line in lines:
        first, second = (
            records[f"{line.pair}-{loss}"][line.protocol][line.set][line.level]["mAP"]
            for loss in (line.first, line.second)
        )
        assert line.difference == line.low == line.high == round(first - second, 2)
        assert line.within_noise == (first == second)
    assert {line.within_noise for line in lines} == {0, 1}


def test_a_difference_of_nothing_has_no_sign(tmp_path):
    pair = {"mobilenet_v2-vgg16-contr": np.array([[[50.0, 20.0]] * 2]), REG: np.array([[[50.001, 20.001]] * 2])}
    scores = {("symmetric", "roxford5k", "hard"): Answers("x.csv", {"v": 0, "w": 1}, pair)}
    lines = find_differences(scores, draw(scores, BOOTSTRAP), SETTINGS, BOOTSTRAP)
    write_lines(tmp_path / "x.csv", Difference._fields, lines)
    written = (tmp_path / "x.csv").read_text().splitlines()[1]
    assert written == "mobilenet_v2-vgg16,symmetric,roxford5k,hard,contr,reg,0.00,0.00,0.00,1"


def test_other_queries_or_a_record_of_another_evaluation_are_refused(records, tmp_path):
    folder = write_queries(tmp_path / "q", records, every(records))
    message = r"reg\.csv has other queries with positives than vgg16\.csv in symmetric\.rox.*, or other landmarks"
    for changed in ({"names": "vwxzy"}, {"landmarks": "vvxyz"}):
        write_queries(folder, records, [REG], **changed)
        with pytest.raises(ValueError, match=message):
            read_scores(folder, records, SETTINGS)
    write_queries(folder, records, [REG])
    levels = records[REG]["asymmetric"]["rparis6k+r1m"]
    levels["hard"]["mAP"] += 0.01
    with pytest.raises(ValueError, match=r"reg\.csv has AP of mean .* in asymmetric\.rparis6k\+r1m\.hard; accepted"):
        read_scores(folder, records, SETTINGS)
    del levels["hard"]
    with pytest.raises(ValueError, match="accepted: the record's mAP, None"):
        read_scores(folder, records, SETTINGS)


def marks(records, folder):
    """The tables, and (table, pair, loss, column) of every mark."""
    scores = read_scores(folder, records, SETTINGS)
    tables = marked(build_tables(SETTINGS, records), draw(scores, BOOTSTRAP), SETTINGS, BOOTSTRAP)
    marks_at = {(table.number, row.pair, row.loss, c) for table in tables for row in table.rows for c in row.marked}
    return tables, marks_at


def test_marks_are_at_what_is_within_noise_of_the_best(records, tmp_path):
    """Reg is best by 0.4 points: all queries say so, then not all of them. With distractors it is best by 9."""
    for loss, without, with_distractors in (("reg", 50.4, 39.0), ("contr_plus", 50.0, 30.0), ("contr", 40.0, 20.0)):
        for name in ("roxford5k", "rparis6k"):
            scores = records[f"mobilenet_v2-vgg16-{loss}"]["asymmetric"]
            scores[name]["medium"]["mAP"], scores[f"{name}+r1m"]["medium"]["mAP"] = without, with_distractors
    folder = write_queries(tmp_path / "q", records, every(records))

    def at_medium(marks_at):
        return {
            (number, loss, column)
            for number, pair, loss, column in marks_at
            if number in (6, 8, 10) and pair == "MobileNetV2 by VGG16" and "medium" in column
        }

    assert marks(records, tmp_path / "nowhere")[0] == build_tables(SETTINGS, records)
    assert not at_medium(marks(records, folder)[1])
    write_queries(folder, records, [REG], shifts=SHIFTS[::-1])
    tables, marks_at = marks(records, folder)
    columns = ("roxford5k_medium_mAP", "rparis6k_medium_mAP")
    assert at_medium(marks_at) == {(number, "contr_plus", column) for number in (6, 8) for column in columns}
    assert not any(set(row.marked) & set(row.bold) for table in tables for row in table.rows)
    sentence = "A dagger marks mAP within noise of that best: the 95 % interval of their difference, from 500 draws"
    assert all(sentence in table.caption for table in tables)
    assert r"50.0\rlap{$^\dagger$}" in render(tables[1], "tab:6")
