"""A web server on this machine that serves one folder, for tests; it understands byte ranges no better than
`http.server` does, which ignores them."""

import contextlib
import functools
import http.server
import threading


class _Handler(http.server.SimpleHTTPRequestHandler):
    def send_head(self):
        self.server.asked.append((self.command, self.path))
        return super().send_head()

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def running(handler):
    """Gives a server whose requests `handler` answers; its `url` has no path."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def serving(folder):
    """Gives the server; its `url` is that of the folder, `asked` lists (method, path) of each request."""
    with running(functools.partial(_Handler, directory=str(folder))) as server:
        server.asked = []
        yield server
