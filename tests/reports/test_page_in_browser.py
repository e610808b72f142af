"""The page in a headless Chromium, where one is installed."""

import pytest
from browser import CHROMIUM, chromium
from page_content import content

from aml.reports.page import render

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
SHOWN = "[...document.querySelectorAll('#table-8 .{}.score')].filter(cell => cell.offsetWidth).length"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text(render(content(folder)))
    return folder / "index.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.mark.parametrize("width", [390, 1280])
def test_only_tables_scroll_sideways(browser, page, width):
    browser.open(page, width=width)
    assert browser.value("innerWidth") == width
    browser.value("document.querySelectorAll('details').forEach(e => e.open = true)")
    for choice in ("both", "how", "intervals"):
        browser.value(f"document.getElementById('show-{choice}').click()")
    assert browser.value("document.documentElement.scrollWidth") <= width


def test_nothing_is_fetched_and_nothing_goes_wrong(browser, page):
    browser.open(page, width=390)
    requests = [event["request"]["url"] for event in browser.told("Network.requestWillBeSent")]
    assert {url.partition(":")[0] for url in requests} <= {"file", "data"} and len(requests) >= 1
    assert [url for url in requests if url.startswith("file:")] == [page.resolve().as_uri()]
    assert browser.told("Log.entryAdded") == browser.told("Runtime.exceptionThrown") == []
    assert browser.value("[...document.images].every(image => image.naturalWidth > 0)")


def test_the_switch_works_by_keyboard(browser, page):
    browser.open(page, width=1280)
    counts = {}
    browser.value("document.getElementById('show-map').focus()")
    for choice in ("mAP", "mP@10", "both"):
        counts[choice] = browser.value(SHOWN.format("map")), browser.value(SHOWN.format("mp"))
        heads = browser.value(
            "[...document.querySelectorAll('#table-8 thead tr')].map(row => [...row.cells]"
            ".filter(cell => cell.offsetWidth).reduce((sum, cell) => sum + cell.colSpan, 0))"
        )
        assert heads == ([15, 8, 8] if choice == "both" else [11, 4, 4])
        browser.press("ArrowRight")
    scores = 34 * 4
    assert counts == {"mAP": (scores, 0), "mP@10": (0, scores), "both": (scores, scores)}


def test_on_a_phone_the_columns_of_training_are_asked_for(browser, page):
    browser.open(page, width=390)
    columns = "[...document.querySelectorAll('#table-8 .how')].filter(cell => cell.offsetWidth).length"
    assert browser.value(columns) == 0
    browser.value("document.getElementById('show-how').click()")
    assert browser.value(columns) == 6 * (1 + 34)


def test_both_colour_schemes(browser, page):
    colours = []
    for dark in (False, True):
        browser.open(page, width=1280, dark=dark)
        colours.append(browser.value("getComputedStyle(document.body).backgroundColor"))
    light, dark = (sum(map(int, colour.strip("rgb()").split(","))) for colour in colours)
    assert light > 3 * 200 and dark < 3 * 60
