"""Settings as they are written in the environment: a reader for each kind, which raises ValueError with the reason."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from definitions.tokens import TokenKeys
from worker import secrets

LOG_LEVELS = ("debug", "info", "warning", "error")


def text(value: str) -> str:
    return value


def texts(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def flag(value: str) -> bool:
    if value not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return value == "1"


def whole(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        # The length first: int() of a very long text is slow, or refused with a message of Python's.
        if not (value.isascii() and value.isdigit() and len(value) <= 9 and least <= int(value) <= most):
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return read


def seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 3600:
        raise ValueError("must be a number of seconds above 0, at most 3600")
    return seconds


def level(value: str) -> str:
    if value.lower() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return value.lower()


def database(value: str) -> tuple[tuple[str, ...], str]:
    """The organisations that may use it, none for all, and the URL."""
    *organisations, url = value.split()
    if len(organisations) > 1 or "://" not in url:
        raise ValueError("must be a database URL, before which there may be organisations, separated by commas")
    return (texts(organisations[0]) if organisations else ()), url


def secret_keys(value: str) -> tuple[str, ...]:
    keys = texts(value)
    secrets.SecretBox(keys)
    return keys


def token_keys(value: str) -> tuple[str, ...]:
    keys = texts(value)
    TokenKeys(keys)  # refuses what is too short to sign with
    return keys


def url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or "@" in value or "?" in value or "#" in value or not value.isprintable() or " " in value:
        raise ValueError("must be an absolute http:// or https:// address")
    return value.rstrip("/")
