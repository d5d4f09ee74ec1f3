"""Where people's browsers may be sent: never to a place that nobody has allowed."""

from __future__ import annotations

import re

import httpx

#: What browsers read in other ways than parsers do: a host could hide behind it.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def read_hosts(text: str) -> tuple[str, ...]:
    """Read `TIDEGATE_REDIRECT_HOSTS`: names, or `*.name` for all below it. Raises ValueError."""
    hosts = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ValueError(f"{host!r} is not a host name such as shop.example.com or *.example.com")
    return hosts


def allowed(target: str, hosts: tuple[str, ...]) -> httpx.URL | None:
    """The address as a `Location` has it, or None if no browser may be sent there.

    With `hosts`, http and https to these; without any, https to every host.
    """
    if _AMBIGUOUS.search(target):
        return None
    try:
        url = httpx.URL(target)
    except httpx.InvalidURL:
        return None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        return None
    name = url.raw_host.decode("ascii").lower().removesuffix(".")
    fits = any(_fits(pattern, name) for pattern in hosts) if hosts else url.scheme == "https"
    return url if fits else None


def _fits(pattern: str, name: str) -> bool:
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern
