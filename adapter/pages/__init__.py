"""Pages for people who follow a link: one template, no JavaScript, nothing from anywhere else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse

_FOLDER = Path(__file__).parent
_TEMPLATE = Template((_FOLDER / "page.html").read_text(encoding="utf-8"))
_STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: How much of what a link says is shown before it is sent.
SHOWN_FIELDS = 20


@dataclass(frozen=True)
class Words:
    """What a page says. `tone` is `plain`, `good` or `bad`; `button` is on pages that ask for something."""

    heading: str
    text: str
    tone: str = "plain"
    button: str | None = None


DONE = Words("Thank you", "Your answer has been received. You can close this page.", "good")
ASK = Words("Please confirm", "Nothing has been sent yet. Press the button to send your answer.", button="Confirm")
GONE = Words(
    "This link cannot be used",
    "It has been used already, has expired, or is not complete. If an answer is still needed, please ask whoever sent "
    "the link for a new one.",
    "bad",
)
AWAY = Words(
    "Please try again in a moment",
    "The service cannot take your answer right now. The link stays valid.",
    "bad",
    button="Try again",
)
TOO_MUCH = Words("This is too much", "The answer is longer than this service takes. Nothing has happened.", "bad")
REFUSED = Words("This does not work", "The request cannot be served in this way. Nothing has happened.", "bad")


def page(
    words: Words,
    *,
    status: int = 200,
    shown: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    leaves_to: str | None = None,
) -> HTMLResponse:
    """A page. `shown` is listed. With `form` the button posts these fields, and the query, to where the page came from;
    `leaves_to` is the scheme (`https`) of the place that the answer to the post leads away to.

    Everything is escaped here; no token is in a page: a form without an action posts to the page's own address.
    """
    more = _listed(shown or {}) + ("" if form is None else _form(words.button or ASK.heading, form))
    html = _TEMPLATE.substitute(
        heading=escape(words.heading), text=escape(words.text), tone=escape(words.tone), style=_STYLE, more=more
    )
    return HTMLResponse(html, status, {"content-security-policy": _policy(leaves_to)})


def _listed(shown: Mapping[str, str]) -> str:
    if not shown:
        return ""
    rows = [f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n" for name, value in list(shown.items())[:SHOWN_FIELDS]]
    if (left := len(shown) - SHOWN_FIELDS) > 0:
        rows.append(f"<dt>…</dt><dd>and {left} more</dd>\n")
    return f"<dl>\n{''.join(rows)}</dl>\n"


def _form(button: str, fields: Mapping[str, str]) -> str:
    hidden = [f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()]
    return f'<form method="post">{"".join(hidden)}<button type="submit">{escape(button)}</button></form>\n'


def _policy(leaves_to: str | None) -> str:
    """Browsers hold every redirect that follows a form against `form-action`, those of the other site included."""
    targets = "'self'" if leaves_to is None else f"'self' {leaves_to}:"
    return (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
