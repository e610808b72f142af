"""The page without a browser: a parser finds in its text what the tables hold."""

import json
import re
from xml.etree import ElementTree

import pytest

from aml.pages.page import duration, listed, render
from aml.tables.build import build_tables
from aml.tables.json_file import read_json_tables, write_json_tables
from aml.tables.model import by_pair, shown, tenths
from tests.pages.page_content import SVG, content
from tests.tables.paper_records import paper_settings, printed_records, with_expansions


def parsed(page: str) -> ElementTree.Element:
    """A page's elements. Every element ends, in its order, or there is an error; those of HTML that have no end get
    one."""
    page = re.sub(r"<((?:meta|br|link|img|input)\b[^>]*)>", r"<\1/>", page.replace(" checked>", ' checked="">'))
    return ElementTree.fromstring(page)


def text(page: ElementTree.Element) -> str:
    return " ".join(" ".join(page.itertext()).split())


def cells(page: ElementTree.Element, figure: str) -> list[tuple[str, list[str]]]:
    """Text and classes of each score of a table."""
    scores = [cell for cell in page.findall(f".//figure[@id='{figure}']//td") if "score" in cell.get("class").split()]
    return [(cell.text.strip() + cell.findtext("sup", ""), cell.get("class").split()) for cell in scores]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    shown_content = content(tmp_path_factory.mktemp("page"))
    return shown_content, parsed(render(**shown_content))


def values(page: ElementTree.Element, name: str, tag: str = "*") -> list[str]:
    """An attribute of all elements, or of those with a tag, where they have it."""
    return [element.get(name) for element in page.findall(f".//{tag}[@{name}]")]


def test_ids_are_unique_and_links_lead_to_them(page):
    _, elements = page
    ids = values(elements, "id")
    assert len(ids) == len(set(ids)) > 20
    assert {link.removeprefix("#") for link in values(elements, "href", "a")} <= set(ids)
    assert {*values(elements, "for"), *values(elements, "aria-labelledby")} <= set(ids)


def test_it_needs_no_other_file_and_every_picture_says_what_it_is(page):
    shown_content, elements = page
    sources = values(elements, "src") + values(elements, "href")
    assert sources and all(source.startswith(("data:", "#")) for source in sources)
    assert not {"script", "iframe", "object"} & {element.tag for element in elements.iter()}
    assert "url(" not in render(**shown_content) and "@import" not in render(**shown_content)
    assert len(values(elements, "src", "img")) == 4 and all(values(elements, "alt", "img"))


def test_every_score_is_the_tables(page):
    """The best of each pair is bold in every column, and an interval stands at its own score."""
    shown_content, elements = page
    for table in shown_content["tables"]:
        pairs, found = by_pair(table.rows), iter(cells(elements, f"table-{table.number}"))
        for row in table.rows:
            for column in table.columns:
                scores = [other.values[column] for other in pairs.get(row.pair, [])]
                best = max((tenths(score) for score in scores if score is not None), default=None)
                mine, (written, classes) = row.values[column], next(found)
                assert written == shown(mine, "–") and ("map" in classes) is column.endswith("_mAP")
                assert ("best" in classes) is (best is not None and mine is not None and tenths(mine) == best)
        assert next(found, None) is None
    for table in shown_content["differences"]:
        expected = [row.values[column] for row in table.rows for column in table.columns]
        found = [written for written, _ in cells(elements, f"difference-{table.number}")]
        plain = [written.removesuffix("†").replace("−", "-") for written in found]
        assert plain == ["–" if value is None else f"{value:+}" for value in expected]
        assert sum(written.endswith("†") for written in found) == sum(len(row.marked) for row in table.rows)
    (table,) = (table for table in shown_content["tables"] if table.number == 10)
    row = next(row for row in table.rows if row.key == "mobilenet_v2-vgg16-contr_plus")
    (cell,) = elements.findall(".//small[@class='interval']/..")
    assert cell.text.strip() == str(row.values["roxford5k_hard_mAP"]) and text(cell).endswith(" 9.87 to 19.95")
    assert cell in elements.findall(".//figure[@id='table-10']//td")


def test_expansions_are_shown_beside_both_metrics_and_said(page, tmp_path):
    tables = build_tables(paper_settings(), with_expansions(printed_records()))
    elements = parsed(render(**content(tmp_path, tables=tables, differences=[])))
    for table in tables:
        classes = [classes for _, classes in cells(elements, f"table-{table.number}")]
        assert ["both" in found for found in classes] == [False, False, True, True] * 4 * len(table.rows)
    assert text(elements).count("mAP+QE") == 1 + (4 + 1) * len(tables)  # headings, captions
    assert "mAP+QE" not in text(page[1])
    assert {heading.get("colspan") for heading in elements.findall(".//th[@class='both']")} == {"4", "8"}


@pytest.mark.parametrize(
    "words",
    [
        "A note, 5 < 6.",
        "seed: 0 # <here>",
        "ab" * 20,
        "with changes: aml/losses/reg.py .",
        "distill one student 3 2 1 2 min 0 s 1 min 0 s A GPU",
        "distill@b 2026-01-02 03:04:05 20 s",
        "noted by the stages below – 2.0",
        "page made 2026-01-03 04:05 UTC on A processor, 2 cores, commit abababa with changes.",
        "ran there from 2026-01-02 03:04 UTC to 2026-01-02 03:04 UTC.",
        "condition number vgg16 resnet101 0 2.5e+04 mobilenet_v2-512 0",  # and blanks
        "Contr⁺ comes second there.",
        "Contr⁺ (10) contr_plus",
        "✓ 4 of 4",
        "✗ 0 of 1",
        "Not here: EfficientNet-B3 by ResNet101.",
        "1 lack a cell",
    ],
)
def test_it_says_what_ran_where_when_and_how_long_and_which_claims_hold(page, words):
    assert words in text(page[1])


def test_what_is_not_given_has_no_place(tmp_path):
    absent = dict.fromkeys(("contact_sheet", "complexity", "commit", "cell")) | {"intervals": {}, "note": ""}
    absent |= {name: [] for name in ("figures", "ranked_lists", "differences", "families", "tables", "whitening")}
    elements = parsed(render(**content(tmp_path, **absent)))
    ids = set(values(elements, "id"))
    assert not ids & {"data", "complexity", "whitening", "figures", "ranked", "printed"} and "run" in ids
    for words in ("No run of a stage was noted there", "Without a git repository or", "2 cores, without a commit."):
        assert words in text(elements)
    assert "Which data." not in text(elements)


def test_a_list_of_pictures_is_complete_and_durations_are_short(tmp_path):
    (tmp_path / "a.svg").write_text(SVG)
    index = tmp_path / "figures.json"
    index.write_text(json.dumps([{"file": "a.svg", "title": "T", "caption": "C"}]))
    (picture,) = listed(index)
    assert picture.pop("uri").startswith("data:image/svg+xml;base64,")
    assert picture == {"file": "a.svg", "title": "T", "caption": "C"}
    durations = {0: "0.0 s", 1.54: "1.5 s", 9.99: "10.0 s", 12.4: "12 s", 125: "2 min 5 s", 3790: "1 h 3 min"}
    assert {seconds: duration(seconds) for seconds in durations} == durations


def test_tables_are_read_as_they_were_written(page, tmp_path):
    shown_content, _ = page
    write_json_tables(tmp_path, shown_content["tables"], shown_content["differences"], shown_content["whitening"])
    tables, differences, whitening = read_json_tables(tmp_path)
    assert tables == shown_content["tables"] and whitening == shown_content["whitening"]
    read = shown_content | {"tables": tables, "differences": differences}
    assert render(**read) == render(**shown_content) and any(row.marked for t in differences for row in t.rows)
