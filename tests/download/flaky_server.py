"""A web server on this machine that does to downloads what servers do."""

import contextlib
import http.server
import threading

import numpy as np

from aml.download import transfer
from tests.download.local_server import running

DATA = transfer.GZIP + np.random.default_rng(0).bytes(200_000)
PAGE = b"<!DOCTYPE html><html>Forbidden</html>" * 40


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves server.data as server.plan, one entry a request, says; the last entry is for all that follow."""

    def do_GET(self):
        plan, server = self.server.plan, self.server
        behaviour = plan.pop(0) if len(plan) > 1 else plan[0]
        asked = self.headers.get("Range")
        server.log.append(asked)
        if behaviour in (403, 404, 416, 500, 503):
            return self.send_error(behaviour)
        start = 0
        if asked and "ignores ranges" not in str(behaviour) and self.headers.get("If-Range") in (None, server.tag):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        data = PAGE if behaviour == "page" else b"" if behaviour == "empty" else server.data
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        if behaviour != "no length":
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if behaviour == "drops at once":
            return None
        end = int(len(data) * 0.9) if behaviour in ("drops", "ignores ranges") else len(data)
        if behaviour == "stalls":
            self.wfile.write(data[start : start + 1000])
            self.wfile.flush()
            server.stop.wait(5)
            return None
        self.wfile.write(data[start : max(start, end)])

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def flaky_server():
    """Gives the server; `log` lists the byte ranges that were asked for, None for a whole file."""
    with running(Handler) as server:
        server.data, server.plan, server.log, server.tag = DATA, ["fine"], [], '"1"'
        server.url, server.stop = f"{server.url}/x.tgz", threading.Event()
        try:
            yield server
        finally:
            server.stop.set()
