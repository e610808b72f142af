"""The page in a headless Chromium, where one is installed."""

import pytest

from aml.pages.page import render
from tests.pages.browser import CHROMIUM, chromium
from tests.pages.page_content import content

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
        assert heads == ([12, 8, 8] if choice == "both" else [8, 4, 4])
        browser.press("ArrowRight")
    scores = 34 * 4
    assert counts == {"mAP": (scores, 0), "mP@10": (0, scores), "both": (scores, scores)}


def test_on_a_phone_the_columns_of_training_are_asked_for(browser, page):
    browser.open(page, width=390)
    columns = "[...document.querySelectorAll('#table-8 .how')].filter(cell => cell.offsetWidth).length"
    assert browser.value(columns) == 0
    browser.value("document.getElementById('show-how').click()")
    assert browser.value(columns) == 3 * (1 + 34)


def test_on_a_phone_it_says_that_there_is_more_to_the_right(browser, page):
    seen = "getComputedStyle(document.querySelector('#table-8 .more')).visibility"
    scroller = "document.querySelector('#table-8 .scroll')"
    settled = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done({}))))"

    def visibility() -> str:
        answer = browser.ask("Runtime.evaluate", expression=settled.format(seen), awaitPromise=True, returnByValue=True)
        return answer["result"]["value"]

    browser.open(page, width=390)
    assert browser.value(f"{scroller}.scrollWidth <= {scroller}.clientWidth") and visibility() == "hidden"
    browser.value("document.getElementById('show-both').click()")
    assert browser.value(f"{scroller}.scrollWidth > {scroller}.clientWidth") and visibility() == "visible"
    browser.value(f"{scroller}.scrollLeft = 9999")
    assert visibility() == "hidden"


def test_scores_with_a_dagger_stand_under_those_without(browser, page):
    browser.open(page, width=1280)
    place = """[...document.querySelectorAll('#difference-8 td.score.map')].map(cell => {
        const range = document.createRange();
        range.selectNodeContents(cell.firstChild);
        const text = range.getBoundingClientRect(), box = cell.getBoundingClientRect();
        const places = [box.right - text.right, text.top - box.top, box.height];
        return [Boolean(cell.querySelector('sup')), ...places.map(value => Math.round(10 * value) / 10)];
    })"""
    found = browser.value(place)
    marked, plain = ([tuple(rest) for mark, *rest in found if mark is flag] for flag in (True, False))
    assert marked and plain
    assert {right for right, _, _ in marked} == {right for right, _, _ in plain}
    assert {top for _, top, _ in marked} == {top for _, top, _ in plain}


def test_pictures_are_as_wide_as_the_page_and_on_a_phone_wide_enough_to_read(browser, page):
    widths = "[...document.querySelectorAll('#figures img, #ranked img')].map(image => image.offsetWidth)"
    hints = "[...document.querySelectorAll('.picture .more')].filter(hint => hint.offsetWidth).length"
    browser.open(page, width=1280)
    assert browser.value(widths) == [928, 928, 1048] and browser.value(hints) == 0
    browser.open(page, width=390)
    assert browser.value(widths) == [576, 576, 880]
    assert browser.value(hints) == browser.value("document.querySelectorAll('.picture').length")


def test_both_colour_schemes(browser, page):
    colours = []
    for dark in (False, True):
        browser.open(page, width=1280, dark=dark)
        colours.append(browser.value("getComputedStyle(document.body).backgroundColor"))
    light, dark = (sum(map(int, colour.strip("rgb()").split(","))) for colour in colours)
    assert light > 3 * 200 and dark < 3 * 60
