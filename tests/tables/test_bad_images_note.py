import pytest

from aml.tables.build import build_tables
from tests.tables.paper_records import paper_settings, printed_records


def notes(excluded: dict, filled: dict) -> dict[int, str]:
    """What each table says of damaged images, in all records these numbers of them by set."""
    records = printed_records()
    for record in records.values():
        record["evaluation"] |= {"num_excluded": excluded, "num_filled": filled}
    tables = build_tables(paper_settings(), records)
    return {table.number: note for table in tables for note in table.notes if "Damaged" in note}


def test_tables_say_how_many_damaged_images_were_left_out_or_filled():
    assert notes({"sfm": 0, "r1m": 0}, {"sfm": 0, "r1m": 0}) == {}
    training = "1,200 of sfm decoded as far as they go, the rest filled"
    distractors = "3 of r1m left out", "5 of r1m decoded as far as they go, the rest filled"
    found = notes({"sfm": 0, "r1m": 3}, {"sfm": 1200, "r1m": 5})
    assert found == {
        **dict.fromkeys((5, 6, 7, 8), f"Damaged images: {training}."),
        **dict.fromkeys((9, 10), f"Damaged images: {distractors[0]}; {training}; {distractors[1]}."),
    }


def test_records_of_unlike_filling_are_in_no_common_table():
    records = printed_records()
    records["vgg16"]["evaluation"]["num_filled"] = {"sfm": 9}
    with pytest.raises(ValueError, match=r"evaluation.num_filled is .* since one table compares one evaluation"):
        build_tables(paper_settings(), records)
