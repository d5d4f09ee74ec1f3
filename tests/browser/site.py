"""A site of somebody else: a mail with a link in it, and the pages that people are sent on to."""

from __future__ import annotations

import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = '<!doctype html><html lang="en"><title>{title}</title><link rel="icon" href="data:,"><h1>{title}</h1>{body}'


class Site:
    """Serves at `localhost` and 127.0.0.1, two hosts for a browser. `mail` is what `/mail` links to."""

    def __init__(self) -> None:
        self.mail = ""
        self.asked: list[tuple[str, str | None]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, self.headers.get("referer")))
                if self.path.startswith("/approved"):
                    self.send_response(302)
                    self.send_header("location", f"http://127.0.0.1:{site.port}/welcome")
                    self.end_headers()
                    return
                link = f'<a href="{escape(site.mail)}">Approve</a>' if self.path == "/mail" else ""
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(PAGE.format(title=self.path.strip("/").title(), body=link).encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def at(self, path: str) -> str:
        return f"http://localhost:{self.port}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
