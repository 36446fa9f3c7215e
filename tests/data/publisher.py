"""A publisher for tests: a server on this machine that gives good, damaged, endless, cut and late files."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GOOD = bytes(range(256)) * 1000  # 256,000 bytes, more than one piece


class Publisher(BaseHTTPRequestHandler):
    """What is served at /PATH; `asked` counts the requests for each, `files` are the good ones."""

    def do_GET(self) -> None:  # http.server's name
        self.server.asked[self.path] = self.server.asked.get(self.path, 0) + 1
        if self.path in self.server.files:
            self._answer(200, self.server.files[self.path])
        elif self.path == "/cut":
            self._answer(200, GOOD[:1000], length=len(GOOD))
        elif self.path == "/short":  # HTTP cannot tell: no length is announced
            self._answer(200, GOOD[:1000], length=None)
        elif self.path == "/empty":
            self._answer(200, b"")
        elif self.path == "/false-length":
            self._answer(200, GOOD, length="many")
        elif self.path == "/part":
            self._answer(206, GOOD[:1000])
        elif self.path == "/chunks":
            self.protocol_version = "HTTP/1.1"
            self._answer(200, b"3e8\r\n" + GOOD[:1000] + b"\r\n", length=None, chunked=True)
            self.close_connection = True
        elif self.path == "/broken":
            self._answer(500, b"error")
        elif self.path == "/circle":
            self.send_response(302)
            self.send_header("Location", "/circle")
            self.end_headers()
        elif self.path == "/endless":
            self._answer(200, b"", length=None)
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(GOOD)
        elif self.path == "/waiting":
            self._answer(200, GOOD[:100_000], length=len(GOOD))
            self.server.closing.wait(60)
        else:
            self._answer(404, b"no such file")

    def _answer(self, code: int, body: bytes, length: object = -1, chunked: bool = False) -> None:
        self.send_response(code)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        if length is not None:
            self.send_header("Content-Length", str(len(body) if length == -1 else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def publisher(**files: bytes) -> Iterator[ThreadingHTTPServer]:
    """A running server; `.url` is its address, `.files` {"/name": content} may be changed, `.asked` counts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.files = {"/good": GOOD, **files}
    server.asked = {}
    server.closing = threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
