"""The page of a search on 127.0.0.1, with a field for a photo. It serves only that page, and only to requests from
it."""

from email import policy
from email.parser import BytesParser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tools.search.finder import Finder
from tools.search.page import page

HOST = "127.0.0.1"
MAX_BYTES = 32 * 2**20  # of a request
SECONDS = 20  # that a connection may be silent
# the page has pictures and styles in itself, and no script
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'self'",
    "Cache-Control": "no-store",
}


def server(finder: Finder, port: int, top: int) -> ThreadingHTTPServer:
    """Return a server that is bound but not serving yet; port 0 takes a free one. Raises OSError for a port in use."""
    return ThreadingHTTPServer((HOST, port), type("Handler", (_Handler,), {"finder": finder, "top": top}))


class _Handler(BaseHTTPRequestHandler):
    finder: Finder
    top: int
    timeout = SECONDS

    def do_GET(self):
        if self._is_ours():
            self._send(HTTPStatus.OK, page(self.finder, [], form=True))

    def do_POST(self):
        if not self._is_ours():
            return
        try:
            name, data = self._photo()
            answers, problem, status = [self.finder.ask(name, data, None, self.top)], None, HTTPStatus.OK
        except ValueError as error:
            answers, problem, status = [], f"{error}", HTTPStatus.BAD_REQUEST
        self._send(status, page(self.finder, answers, form=True, problem=problem))

    def _is_ours(self) -> bool:
        """Return whether a request is for this page by this page: another site that a browser shows may ask, too."""
        own = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        origin = self.headers.get("Origin")
        if self.headers.get("Host") not in own or origin not in (None, *(f"http://{host}" for host in own)):
            self.send_error(HTTPStatus.FORBIDDEN)
        elif self.path != "/":
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            return True
        return False

    def _photo(self) -> tuple[str, bytes]:
        """Name and bytes of the photo in a form. Raises ValueError for a request that is too large or has none."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            self.close_connection = True  # the rest is never read
            raise ValueError(f"the photo has {length or 'unknown many'} bytes; at most {MAX_BYTES:,} are accepted")
        kind = f"Content-Type: {self.headers.get('Content-Type', '')}\r\n\r\n"
        form = BytesParser(policy=policy.HTTP).parsebytes(kind.encode() + self.rfile.read(int(length)))
        for part in form.iter_parts():
            if part.get_param("name", header="Content-Disposition") == "photo" and part.get_payload(decode=True):
                return part.get_filename("the photo"), part.get_payload(decode=True)
        raise ValueError("no photo came; choose one, or drop it on the field")

    def _send(self, status: HTTPStatus, text: str) -> None:
        self.send_response(status)
        content = text.encode()
        for name, value in (HEADERS | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass
