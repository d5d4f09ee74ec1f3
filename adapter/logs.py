"""Structured logs: one JSON object per line on stderr. No header, body, query or path of a request is ever in them.

What a library says may hold the address of a link. Whoever reads logs must not be able to call it, so tokens are cut
out of every line.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import datetime, timezone
from typing import Any

#: The path of a link with its token and its query, also within an encoded text; or a signed token wherever it is.
_TOKEN = re.compile(r"(?P<path>(?:/|%2[Ff])(?:resume|trigger)(?:/|%2[Ff]))[^\s\"'\\<>{}]+|\btg1\.[\w.-]+")
_HIDDEN = "[token]"


def redacted(text: str) -> str:
    """A text without any token of a link or of the API."""
    return _TOKEN.sub(lambda found: (found["path"] or "") + _HIDDEN, text)


class JsonLines(logging.Formatter):
    """One record as one line of JSON; `extra={"fields": {…}}` adds entries to it."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, Any] = {
            "time": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redacted(json.dumps(line, default=str))


def configure_logs(level: str) -> None:
    """Send all logs of this process to stderr as JSON lines, from `level` (debug, info, warning, error) on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
