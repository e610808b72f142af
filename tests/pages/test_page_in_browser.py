"""The page in a headless Chromium, where one is installed: it runs JavaScript in a frame of a given width."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from aml.pages.page import render
from tests.pages.page_content import content

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000", "--virtual-time-budget=60000")
FRAME = """<!DOCTYPE html><body><pre id="result"></pre>
<iframe style="width: {width}px; height: 900px; border: 0" srcdoc="{page}"></iframe>
<script>
addEventListener("load", async () => {{
  const frame = document.querySelector("iframe"), window = frame.contentWindow, document_ = frame.contentDocument;
  const settled = () => new Promise(done => setTimeout(done, 200));
  const script = async (document) => {{ {script} }};
  let result;
  try {{ result = {{value: await script(document_)}}; }} catch (error) {{ result = {{error: String(error)}}; }}
  document.getElementById("result").textContent = JSON.stringify(result);
}});
</script></body>"""
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
NUM_ROWS = 34  # of Table 8
WIDE = """
const visible = query => [...document.querySelectorAll(query)].filter(element => element.offsetWidth);
const rows = () => [...document.querySelectorAll("#table-8 thead tr")].map(
    row => [...row.cells].filter(cell => cell.offsetWidth).reduce((sum, cell) => sum + cell.colSpan, 0));
const shown = {};
for (const choice of ["map", "mp", "both"]) {
    document.getElementById(`show-${choice}`).click();
    shown[choice] = [visible("#table-8 .map.score").length, visible("#table-8 .mp.score").length, rows()];
}
document.getElementById("show-map").click();
const daggers = [...document.querySelectorAll("#difference-8 td.score.map")].map(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell.firstChild);
    const text = range.getBoundingClientRect(), box = cell.getBoundingClientRect();
    const places = [box.right - text.right, text.top - box.top, box.height];
    return [Boolean(cell.querySelector("sup")), ...places.map(value => Math.round(10 * value) / 10)];
});
const images = [...document.querySelectorAll("#figures img, #ranked img")].map(image => image.offsetWidth);
const hints = visible(".picture .more").length;
"""
NARROW = """
const visible = query => [...document.querySelectorAll(query)].filter(element => element.offsetWidth);
const scroller = document.querySelector("#table-8 .scroll"), more = document.querySelector("#table-8 .more");
// Without a screen an animation does not always follow the scrolling: begin it anew until it does.
const becomes = async visibility => {
    for (let number = 0; number < 20; number++) {
        more.style.animation = "none";
        await settled();
        more.style.animation = "";
        await settled();
        if (window.getComputedStyle(more).visibility === visibility) return visibility;
    }
};
const beyond = () => scroller.scrollWidth > scroller.clientWidth;
const images = [...document.querySelectorAll("#figures img, #ranked img")].map(image => image.offsetWidth);
const hints = visible(".picture .more").length, pictures = document.querySelectorAll(".picture").length;
const training = [visible("#table-8 .how").length];
document.getElementById("show-how").click();
training.push(visible("#table-8 .how").length);
document.getElementById("show-how").click();
const scrolling = [[beyond(), await becomes("hidden")]];
document.getElementById("show-both").click();
scrolling.push([beyond(), await becomes("visible")]);
scroller.scrollLeft = 9999;
scrolling.push([beyond(), await becomes("hidden")]);
"""
EVERYTHING = """
document.querySelectorAll("details").forEach(element => element.open = true);
for (const choice of ["both", "how", "intervals"]) document.getElementById(`show-${choice}`).click();
await settled();
const width = document.documentElement.scrollWidth, colour = window.getComputedStyle(document.body).backgroundColor;
const loaded = [...document.images].every(image => image.naturalWidth > 0);
"""


def seen(folder: Path, script: str, *, width: int, dark: bool = False) -> dict:
    """What the page, `width` CSS pixels wide, looks like to a script and then to EVERYTHING, which shows all that can
    be shown.

    A script can use `document` and `window` of the page, and `await settled()`, after which the page is drawn anew.
    """
    names = "shown, daggers, images, hints" if script is WIDE else "images, hints, pictures, training, scrolling"
    script = f"{script}{EVERYTHING}return {{{names}, width, colour, loaded}};"
    file, page = folder / "frame.html", html.escape(render(**content(folder)))
    file.write_text(FRAME.format(width=width, page=page, script=script))
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    command = [CHROMIUM, *FLAGS, scheme, f"--user-data-dir={folder / 'profile'}", "--dump-dom", file.as_uri()]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    result = json.loads(html.unescape(re.search(r'<pre id="result">(.*?)</pre>', printed, re.DOTALL).group(1)))
    assert "error" not in result, result
    return result["value"]


def test_wide_and_light(tmp_path):
    """The switch shows one metric or both; scores with a dagger stand under those without."""
    wide, scores = seen(tmp_path, WIDE, width=1280), NUM_ROWS * 4
    assert wide["width"] <= 1280 and wide["loaded"]
    shown = {"map": [scores, 0, [8, 4, 4]], "mp": [0, scores, [8, 4, 4]], "both": [scores, scores, [12, 8, 8]]}
    assert wide["shown"] == shown
    marked, plain = ([tuple(rest) for mark, *rest in wide["daggers"] if mark is flag] for flag in (True, False))
    assert marked and plain
    assert {right for right, _, _ in marked} == {right for right, _, _ in plain}
    assert {top for _, top, _ in marked} == {top for _, top, _ in plain}
    assert wide["images"] == [928, 928, 1048] and wide["hints"] == 0
    assert brightness(wide) > 3 * 200


def test_on_a_phone_and_dark(tmp_path):
    """Only tables scroll sideways, and a hint says so; the columns of training are asked for; pictures are wide enough
    to read."""
    narrow = seen(tmp_path, NARROW, width=390, dark=True)
    assert narrow["width"] <= 390 and narrow["loaded"]
    assert narrow["images"] == [576, 576, 880] and narrow["hints"] == narrow["pictures"]
    assert narrow["training"] == [0, 3 * (1 + NUM_ROWS)]
    assert narrow["scrolling"] == [[False, "hidden"], [True, "visible"], [True, "hidden"]]
    assert brightness(narrow) < 3 * 60


def brightness(found: dict) -> int:
    return sum(map(int, found["colour"].strip("rgb()").split(",")))
