"""A site of somebody else: a mail with a link in it, and the pages that people are sent on to."""

from __future__ import annotations

from html import escape

from tests.worker.activities.local_server import LocalServer, Page, redirect

PAGE = '<!doctype html><html lang="en"><title>{title}</title><link rel="icon" href="data:,"><h1>{title}</h1>{body}'


class Site(LocalServer):
    """Is at `localhost`, and sends people on to 127.0.0.1: two hosts, for a browser."""

    def __init__(self) -> None:
        super().__init__()
        self.on("/approved", redirect(self.url("/welcome")))
        self.on("/welcome", _html("Welcome"))

    def send_mail(self, link: str) -> str:
        """Where somebody reads a mail with this link."""
        self.on("/mail", _html("Mail", f'<a href="{escape(link)}">Approve</a>'))
        return self.at("/mail")

    def at(self, path: str) -> str:
        return self.url(path, "localhost")


def _html(title: str, body: str = "") -> Page:
    return Page(200, PAGE.format(title=title, body=body).encode(), {"Content-Type": "text/html; charset=utf-8"})
