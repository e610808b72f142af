"""A web server on this machine, for tests, that does to downloads what servers do."""

import contextlib
import http.server
import threading
from pathlib import Path

import numpy as np

from aml.download import transfer

DATA = transfer.GZIP + np.random.default_rng(0).bytes(200_000)
PAGE = b"<!DOCTYPE html><html>Forbidden</html>" * 40


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as server.plan, one entry a request, says; the last entry is for all that follow."""

    def do_GET(self):
        server, plan, asked = self.server, self.server.plan, self.headers.get("Range")
        behaviour = plan.pop(0) if len(plan) > 1 else plan[0]
        server.asked.append(self.path)
        server.ranges.append(asked)
        file, data = server.folder / self.path.strip("/"), {"page": PAGE, "empty": b""}.get(behaviour, server.data)
        if isinstance(behaviour, int) or (data is None and not file.is_file()):
            return self.send_error(behaviour if isinstance(behaviour, int) else 404)
        data = file.read_bytes() if data is None else data
        start = 0
        if asked and "ignores ranges" not in behaviour and self.headers.get("If-Range") in (None, server.tag):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        if behaviour != "no length":
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if behaviour == "stalls":
            self.wfile.write(data[start : start + 1000])
            self.wfile.flush()
            server.stop.wait(5)
        elif behaviour != "drops at once":
            end = int(len(data) * 0.9) if behaviour in ("drops", "ignores ranges") else len(data)
            self.wfile.write(data[start : max(start, end)])

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(folder: Path = Path(), data: bytes | None = None):
    """Gives a server of the files in `folder`, or of `data` at any address; `url` has no path.

    `asked` lists the path of each request, `ranges` the bytes that were asked for, None for a whole file.
    """
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.folder, server.data, server.plan, server.tag = folder, data, ["fine"], '"1"'
        server.asked, server.ranges, server.stop = [], [], threading.Event()
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.stop.set()
            server.shutdown()
            thread.join()
