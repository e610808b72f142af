"""Cells that moved, on two small states of one table."""

from decimal import Decimal

from aml.tables.csv_files import IDENTITY_COLUMNS, parse_tables
from tools.movement import as_markdown, as_text, movement

COLUMNS = ("a_medium_mAP", "a_medium_mP@10")


def tables(rows: dict, columns=COLUMNS):
    """Table 8 with rows by loss, all of one pair."""
    lines = [",".join((*IDENTITY_COLUMNS, *columns))]
    lines += [f"8,asymmetric,,S,64,T,1,{loss},1,0,0,,1,{','.join(scores)}" for loss, scores in rows.items()]
    return parse_tables(lines, "test")


BEFORE = tables({"reg": ("10.0", "20.0"), "dr": ("5.0", "6.0"), "ms": ("", "7.0")})
AFTER = tables({"reg": ("10.6", "20.5"), "dr": ("5.0", ""), "rkd": ("1.0", "1.0")})


def test_more_than_the_threshold_is_a_move_and_so_is_a_dash():
    found = movement(BEFORE, AFTER, 0.5)
    assert [move.fields for move in found.moves] == [
        ("8", "S by T, reg", "a_medium_mAP", "10.0", "10.6", "+0.6"),
        ("8", "S by T, dr", "a_medium_mP@10", "6.0", "–", "–"),
    ]
    assert found.num_cells == 4
    assert (found.new, found.gone) == (["Table 8, S by T, rkd"], ["Table 8, S by T, ms"])
    assert [move.distance for move in movement(BEFORE, AFTER, 0.4).moves][:2] == [Decimal("0.6"), Decimal("0.5")]
    assert movement(AFTER, BEFORE, 0.5).moves[0].fields[-1] == "-0.6"


def test_nothing_moves_to_itself():
    found = movement(BEFORE, BEFORE, 0)
    assert (found.moves, found.num_cells, found.new, found.gone) == ([], 6, [], [])


def test_a_column_that_only_one_has_is_named_once():
    after = tables({"reg": ("1.0",), "dr": ("5.0",), "ms": ("",)}, columns=("a_medium_mAP",))
    found = movement(BEFORE, after, 0.5)
    assert (found.new, found.gone, found.num_cells) == ([], ["Table 8, column a_medium_mP@10"], 3)
    assert movement([], AFTER, 0.5).new == [f"Table 8, S by T, {loss}" for loss in ("reg", "dr", "rkd")]


def test_as_text_and_markdown():
    moves = movement(BEFORE, AFTER, 0.5).moves
    assert as_text(moves).splitlines() == [
        "table  row          column          before  after  moved",
        "8      S by T, reg  a_medium_mAP      10.0   10.6   +0.6",
        "8      S by T, dr   a_medium_mP@10     6.0      –      –",
    ]
    assert as_markdown(moves).splitlines() == [
        "| table | row | column | before | after | moved |",
        "| --- | --- | --- | ---: | ---: | ---: |",
        "| 8 | S by T, reg | a_medium_mAP | 10.0 | 10.6 | +0.6 |",
        "| 8 | S by T, dr | a_medium_mP@10 | 6.0 | – | – |",
    ]
