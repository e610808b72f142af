import csv
from decimal import Decimal

import pytest

from aml.params.reports import Loss, Named
from aml.tables.build import build_tables
from aml.tables.csv_files import read_tables
from aml.tables.printed_values import PRINTED, compare, write_comparison
from tests.tables.paper_records import LOSSES, paper_settings, printed_records


def test_printed_against_itself_differs_nowhere():
    printed = read_tables(PRINTED)
    cells = compare(printed, printed)
    assert len(cells) == 176 * 8
    assert {cell["difference"] for cell in cells} == {Decimal("0.0")}


def test_known_flaws_are_flagged_and_not_corrected():
    printed = read_tables(PRINTED)
    flags = {}
    for cell in compare(printed, printed):
        if cell["flag"]:
            flags.setdefault(cell["flag"].split(":")[0], []).append(cell)
    assert {flag: len(cells) for flag, cells in flags.items()} == {
        "known flaw 1": 2 * 8,
        "known flaw 2": 4 * 4 * 2 * 8,  # Tables 7-10, four pairs, two losses
        "known flaw 3": 1,
        "known flaw 4": 2,  # Table 7, repeated in Table 8
    }
    assert {cell["table"] for cell in flags["known flaw 1"]} == {6, 8}
    assert flags["known flaw 3"][0]["printed"] == Decimal("80.7")
    assert {cell["printed"] for cell in flags["known flaw 4"]} == {Decimal("86.1")}


def test_differences_are_of_the_scores_as_tables_show_them(tmp_path):
    records = printed_records()
    records["vgg16"]["symmetric"]["roxford5k"]["medium"]["mAP"] = 61.26
    del records["mobilenet_v2-512"]
    tables = build_tables(paper_settings(losses=(*LOSSES, Loss("mse", "MSE", ("self",), "none"))), records)
    cells = write_comparison(tables, read_tables(PRINTED), tmp_path)
    assert len(cells) == 176 * 8  # the further loss isn't printed
    with open(tmp_path / "comparison.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(cells)
    changed = [line for line in lines if line["difference"] not in ("0.0", "")]
    assert [
        (line["table"], line["student"], line["printed"], line["ours"], line["difference"]) for line in changed
    ] == [
        ("7", "VGG16", "60.9", "61.3", "0.4"),
        ("8", "VGG16", "60.9", "61.3", "0.4"),
    ]
    assert {(line["student"], line["d"]) for line in lines if line["ours"] == ""} == {("MobileNetV2", "512")}
    latex = (tmp_path / "comparison.tex").read_text()
    assert latex.count(r"\caption[") == 6 and latex.count("$+0.4$") == 2
    assert r"0.0\rlap{$^\dagger$}" in latex and r"\textbf" not in latex and "264 cells compared" in latex


def test_other_distractors_are_not_compared():
    tables = build_tables(paper_settings(distractors=None), printed_records())
    assert {cell["table"] for cell in compare(tables, read_tables(PRINTED))} == {5, 6, 7, 8}


def test_tables_of_another_setting_are_refused():
    tables = build_tables(paper_settings(test_sets=(Named("rsynth_a", "rSynth-A"),)), {})
    with pytest.raises(ValueError, match=r"no cell of the tables .*; accepted: networks labelled EfficientNet-B3"):
        compare(tables, read_tables(PRINTED))
