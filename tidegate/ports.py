"""Ports, checked before anything is started: a port that is taken is one clear line, not a half-started system."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tidegate.errors import CommandError


@dataclass(frozen=True)
class Place:
    """An address to listen on, and the option that sets its port. Port 0 asks for any free one."""

    option: str
    host: str
    port: int


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address, as a server would bind it. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        # Without it, connections of a server that has just ended keep the port for a minute.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        # On some systems two sockets may bind one port as long as neither listens.
        bound.listen(1)
    except OSError:
        bound.close()
        raise
    return bound


def resolve(places: Iterable[Place]) -> list[Place]:
    """The same places with their ports, all of them free now. Raises CommandError that names every one that is not."""
    resolved: list[Place] = []
    problems: list[str] = []
    with contextlib.ExitStack() as held:
        # Held until all are known, so that no two places get the same port.
        for place in places:
            try:
                bound = held.enter_context(contextlib.closing(bind(place.host, place.port)))
            except OSError as error:
                problems.append(_reason(place, error))
            else:
                resolved.append(replace(place, port=bound.getsockname()[1]))
    if problems:
        raise CommandError("; ".join(problems))
    return resolved


def _reason(place: Place, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"{place.host} is not an address of this machine"
    return f"cannot listen on {place.host}:{place.port} ({place.option}): {(error.strerror or str(error)).lower()}"


def reachable(host: str) -> str:
    """The host under which a server that listens on `host` can be reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)


def address(host: str, port: int) -> str:
    """`HOST:PORT`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
