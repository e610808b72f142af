"""Published teachers against their printed scores: METHOD's eight numbers."""

from decimal import Decimal

from aml.params.reports import Named
from aml.tables.build import build_tables
from aml.tables.csv_files import read_tables
from aml.tables.printed_values import PRINTED, beyond, published_distances, published_sentence, with_note
from tests.tables.paper_records import paper_settings, printed_records

TEACHERS = ["VGG16", "ResNet101"]
EXPECTED = {"VGG16": (60.9, 69.3, 32.9, 44.2), "ResNet101": (65.4, 76.7, 40.1, 55.2)}


def found(records, labels=TEACHERS):
    return published_distances(build_tables(paper_settings(), records), read_tables(PRINTED), labels)


def test_the_printed_scores_are_the_expected_ones():
    for label, scores in EXPECTED.items():
        row = next(row for row in read_tables(PRINTED)[2].rows if row.student == label)
        assert tuple(value for column, value in row.values.items() if column.endswith("mAP")) == scores


def test_only_the_named_teachers_are_checked_in_map():
    records = printed_records()
    records["vgg16"]["symmetric"]["rparis6k"]["hard"]["mAP"] = 44.64
    records["vgg16"]["symmetric"]["rparis6k"]["hard"]["mP@10"] = 0.0
    records["mobilenet_v2-512"]["symmetric"]["rparis6k"]["hard"]["mAP"] = 0.0
    off = found(records)
    assert len(off) == 8 and {name for name, value in off.items() if value} == {"VGG16, rparis6k_hard_mAP"}
    assert beyond(off, 0.2) == {"VGG16, rparis6k_hard_mAP": Decimal("0.4")} and beyond(off, 0.4) == {}
    assert published_sentence(off, 0.2) == (
        "Published teachers: 7 of 8 mAP are within 0.2 points of the printed ones; the largest difference is +0.4 "
        "(VGG16, rparis6k_hard_mAP)."
    )
    assert len(found(records, ["ResNet101"])) == 4 and found(records, []) == {}


def test_teachers_that_were_not_evaluated_are_left_out():
    records = printed_records()
    del records["vgg16"]
    assert {name.partition(",")[0] for name in found(records)} == {"ResNet101"}
    other = paper_settings(test_sets=(Named("rsynth_a", "RSynthA"),))
    assert published_distances(build_tables(other, {}), read_tables(PRINTED), TEACHERS) == {}
    assert found({}) == {} and published_sentence({}, 0.2) == "" and beyond({}, 0.2) == {}


def test_the_sentence_stands_under_table_7():
    tables = build_tables(paper_settings(), printed_records())
    assert [table.number for table in with_note(tables, "A note.") if "A note." in table.notes] == [7]
    assert with_note(tables, "") == tables
