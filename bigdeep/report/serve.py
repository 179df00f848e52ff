"""One page on 127.0.0.1, for who started it. No JAX."""

import hashlib
import http.server
from collections.abc import Callable

from bigdeep.errors import BadInput, first_line, tell

LOCAL = ("127.0.0.1", "localhost", "[::1]")


def serve(page: Callable[[], str], port: int = 0) -> None:
    """Serves what page() returns at / until SIGINT; port 0 takes a free one. Says where."""
    with server(page, port) as opened:
        tell(f"bigdeep: http://127.0.0.1:{opened.server_port}/ (Ctrl-C ends it)")
        try:
            opened.serve_forever()
        except KeyboardInterrupt:
            tell("")


def server(page: Callable[[], str], port: int) -> http.server.ThreadingHTTPServer:
    """A server of one page. It answers GET and HEAD only, for / only.

    It refuses a Host header that is not local: a stranger's page that reaches here by a name of its own has another.
    """
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), _handler(page))
    except OSError as error:
        raise BadInput(f"--port: found {port} ({error.strerror}), expected a free one, or 0 for any") from None


def _handler(page: Callable[[], str]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        server_version, sys_version = "bigdeep", ""

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, body: bool) -> None:
            host = self.headers.get("Host", "")
            if (host if host.endswith("]") else host.rpartition(":")[0] or host) not in LOCAL:
                self.send_error(403, "only for this machine")
            elif self.path.partition("?")[0] != "/":
                self.send_error(404)
            else:
                try:
                    content = page().encode()
                except Exception as error:  # a run's folder can be in any state while it is written
                    self.send_error(503, first_line(error))
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("X-Content-Type-Options", "nosniff")
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()[:16]}"')
                self.end_headers()
                if body:
                    self.wfile.write(content)

        def handle(self) -> None:
            try:
                super().handle()
            except (TimeoutError, ConnectionError):  # who asked is gone
                self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler
