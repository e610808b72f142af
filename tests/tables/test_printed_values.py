"""Tables against the printed values, and published teachers against METHOD's eight numbers."""

from decimal import Decimal

from aml.params.reports import Loss, Named
from aml.tables.build import build_tables
from aml.tables.csv_files import read_tables
from aml.tables.printed_values import PRINTED, check_published, compare
from tests import read_rows
from tests.tables.paper_records import LOSSES, paper_settings, printed_records, write_comparison_of


def test_printed_against_itself_differs_nowhere_and_known_flaws_are_flagged():
    printed, flags = read_tables(PRINTED), {}
    cells = compare(printed, printed)
    assert len(cells) == 176 * 8 and {cell.difference for cell in cells} == {Decimal("0.0")}
    for cell in cells:
        if cell.flag:
            flags.setdefault(cell.flag.split(":")[0], []).append(cell)
    assert {flag: len(cells) for flag, cells in flags.items()} == {
        "known flaw 1": 2 * 8,
        "known flaw 2": 4 * 4 * 2 * 8,  # Tables 7-10, four pairs, two losses
        "known flaw 3": 1,
        "known flaw 4": 2,  # Table 7, repeated in Table 8
    }
    assert {cell.table for cell in flags["known flaw 1"]} == {6, 8}
    assert [flags["known flaw 3"][0].printed, *(cell.printed for cell in flags["known flaw 4"])] == [
        *map(Decimal, ("80.7", "86.1", "86.1"))
    ]


def test_differences_are_of_the_scores_as_tables_show_them(tmp_path):
    records = printed_records()
    records["vgg16"]["symmetric"]["roxford5k"]["medium"]["mAP"] = 61.26
    del records["mobilenet_v2-512"]
    tables = build_tables(paper_settings(losses=(*LOSSES, Loss("mse", "MSE", ("self",), "none"))), records)
    cells = write_comparison_of(tables, tmp_path)
    lines = read_rows(tmp_path / "comparison.csv")
    assert len(lines) == len(cells) == 176 * 8  # the further loss isn't printed
    changed = [line for line in lines if line["difference"] not in ("0.0", "")]
    names = ("table", "student", "printed", "ours", "difference")
    assert [[line[name] for name in names] for line in changed] == [[n, "VGG16", "60.9", "61.3", "0.4"] for n in "78"]
    assert {(line["student"], line["d"]) for line in lines if line["ours"] == ""} == {("MobileNetV2", "512")}
    latex = (tmp_path / "comparison.tex").read_text()
    assert latex.count(r"\caption[") == 6 and latex.count("$+0.4$") == 2
    assert r"0.0\rlap{$^\dagger$}" in latex and r"\textbf" not in latex and "264 scores compared" in latex
    tables = build_tables(paper_settings(distractors=None), records)  # with others than the paper's
    assert {cell.table for cell in compare(tables, read_tables(PRINTED))} == {5, 6, 7, 8}


TEACHERS = {"VGG16": (60.9, 69.3, 32.9, 44.2), "ResNet101": (65.4, 76.7, 40.1, 55.2)}


def check(records, labels=TEACHERS, tolerance=0.2, **settings):
    lines = compare(build_tables(paper_settings(**settings), records), read_tables(PRINTED))
    return check_published(lines, labels, tolerance)


def test_only_the_named_teachers_are_checked_in_map():
    for label, scores in TEACHERS.items():
        row = next(row for row in read_tables(PRINTED)[2].rows if row.student == label)
        assert tuple(value for column, value in row.values.items() if column.endswith("mAP")) == scores
    records = printed_records()
    records["vgg16"]["symmetric"]["rparis6k"]["hard"] |= {"mAP": 44.64, "mP@10": 0.0}
    records["mobilenet_v2-512"]["symmetric"]["rparis6k"]["hard"]["mAP"] = 0.0
    sentence, far = check(records)
    assert far == {"VGG16, rparis6k_hard_mAP": Decimal("0.4")} and check(records, tolerance=0.4)[1] == {}
    assert sentence == (
        "Published teachers: 7 of 8 mAP are within 0.2 points of the printed ones; the largest difference is +0.4 "
        "(VGG16, rparis6k_hard_mAP)."
    )
    assert " 4 of 4 mAP" in check(records, ["ResNet101"])[0] and check(records, []) == ("", {})
    del records["vgg16"]
    assert " 4 of 4 mAP" in check(records)[0]
    assert check({}, test_sets=(Named("rsynth_a", "RSynthA"),)) == ("", {})
