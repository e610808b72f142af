"""What a headless Chromium says of the page: it runs JavaScript in a frame of a given width and prints the result."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

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


def run_in_page(page: str, script: str, folder: Path, *, width: int, dark: bool = False):
    """What `script` returns, the body of an async function, in the page `width` CSS pixels wide.

    It can use `document` and `window` of the page, and `await settled()`, after which the page is drawn anew.
    """
    file = folder / "frame.html"
    file.write_text(FRAME.format(width=width, page=html.escape(page), script=script))
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    command = [CHROMIUM, *FLAGS, scheme, f"--user-data-dir={folder / 'profile'}", "--dump-dom", file.as_uri()]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    result = json.loads(html.unescape(re.search(r'<pre id="result">(.*?)</pre>', printed, re.DOTALL).group(1)))
    assert "error" not in result, result
    return result["value"]
