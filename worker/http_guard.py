"""Where outgoing HTTP may go: every address is checked after the name is resolved, and the checked one is dialled.

A name is resolved once per connection, so a DNS server cannot answer the check with one address and the call with
another. What is not public unicast is refused, in whatever notation or translation it comes.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import httpcore

from definitions.errors import TidegateError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Addresses of one name that are tried, at most.
MAX_DIALS = 4

# The IANA special-purpose registries, in full: what Python's own `is_global` says differs from version to version.
_NOT_PUBLIC_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
            # A cloud's metadata service on an address that looks public.
            "168.63.129.16/32",
        ),
    )
)
# All of IPv6 that is public unicast; IPv4-mapped, NAT64, unique local, link-local and multicast are outside it.
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
# Protocol assignments (Teredo among them), documentation, 6to4: the last reaches IPv4 addresses.
_NOT_PUBLIC_V6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))

_HOST_PATTERN = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")

_ORIGIN_PATTERN = re.compile(r"https?://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


class TargetNotAllowed(TidegateError):
    """The worker's settings do not let workflows call this."""

    code: ClassVar[str] = "target-not-allowed"


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public unicast Internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return address in _PUBLIC_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


def read_hosts(text: str) -> tuple[str, ...]:
    """Read `TIDEGATE_HTTP_ALLOW_HOSTS`: names, `*.` before a name, addresses. Raises ValueError with the reason."""
    hosts = tuple(_plain(part.strip()) for part in text.split(",") if part.strip())
    for host in hosts:
        if not (_HOST_PATTERN.fullmatch(host) or _literal(host)):
            raise ValueError(f"{host!r} is not a host name, *.NAME or an address")
    return hosts


def read_rewrites(text: str) -> tuple[tuple[str, str], ...]:
    """Read `TIDEGATE_HTTP_REWRITE`: ORIGIN=ORIGIN, separated by commas. Raises ValueError with the reason."""
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    return tuple((_origin(source.strip()), _origin(target.strip())) for source, _, target in pairs)


def _origin(text: str) -> str:
    if not _ORIGIN_PATTERN.fullmatch(text.lower()):
        raise ValueError(f"{text[:80]!r} is not http://HOST, https://HOST or either with a port")
    return text.lower()


def _plain(host: str) -> str:
    return host.lower().removesuffix(".").removeprefix("[").removesuffix("]")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@dataclass(frozen=True)
class HttpGuard:
    """The rule of one worker: `allow_hosts` narrows the names (empty: any), `allow_private` opens all addresses."""

    allow_hosts: tuple[str, ...] = ()
    allow_private: bool = False

    def check_host(self, host: str) -> None:
        """Hold a URL's host against the allowed ones. Raises TargetNotAllowed."""
        name = _plain(host)
        if self.allow_hosts and not any(_names(pattern, name) for pattern in self.allow_hosts):
            raise TargetNotAllowed(f"the host {host!r} is not in TIDEGATE_HTTP_ALLOW_HOSTS")

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a name, all of them allowed. Raises TargetNotAllowed; OSError if it does not resolve."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self.allow_private and not all(is_public(ipaddress.ip_address(address)) for address in addresses):
            # Without the address: what a name means inside is not the caller's to learn.
            raise TargetNotAllowed(f"{host!r} is not a public address; see TIDEGATE_HTTP_ALLOW_PRIVATE")
        return addresses


def _names(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Dials only addresses that the guard has checked; TLS still verifies the name."""

    def __init__(self, guard: HttpGuard) -> None:
        self._guard = guard
        self._dialler = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host!r} has no address")
        for address in (await self._resolve(host, port))[:MAX_DIALS]:
            try:
                return await self._dialler.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _resolve(self, host: str, port: int) -> list[str]:
        try:
            return await self._guard.resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError(f"{host!r} does not resolve") from None

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise TargetNotAllowed("local sockets cannot be called")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
