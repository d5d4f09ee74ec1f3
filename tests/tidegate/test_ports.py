"""Ports are checked, all of them, before anything is started."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tidegate import ports
from tidegate.errors import CommandError
from tidegate.ports import Place

LOCAL = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind((LOCAL, 0))
        holder.listen(1)
        yield holder.getsockname()[1]


def test_free_ports_are_kept_and_zero_is_replaced(taken: int) -> None:
    [free] = ports.resolve([Place("--port", LOCAL, 0)])
    assert free.port not in (0, taken)
    assert ports.resolve([free]) == [free]


def test_two_zeros_get_two_ports() -> None:
    first, second = ports.resolve([Place("--port", LOCAL, 0), Place("--ui-port", LOCAL, 0)])
    assert first.port != second.port


def test_a_taken_port_is_named_with_its_option(taken: int) -> None:
    with pytest.raises(CommandError) as caught:
        ports.resolve([Place("--port", LOCAL, 0), Place("--temporal-port", LOCAL, taken)])
    assert str(caught.value) == f"cannot listen on {LOCAL}:{taken} (--temporal-port): address already in use"


def test_every_taken_port_is_named(taken: int) -> None:
    with pytest.raises(CommandError) as caught:
        ports.resolve([Place("--port", LOCAL, taken), Place("--ui-port", LOCAL, taken)])
    assert "--port" in str(caught.value) and "--ui-port" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_port_for_two_servers_is_refused() -> None:
    [free] = ports.resolve([Place("--port", LOCAL, 0)])
    with pytest.raises(CommandError, match="--ui-port"):
        ports.resolve([free, Place("--ui-port", LOCAL, free.port)])


def test_a_host_that_is_no_address_is_one_line() -> None:
    with pytest.raises(CommandError, match=r"^no\.such\.host\.invalid is not an address of this machine$"):
        ports.resolve([Place("--port", "no.such.host.invalid", 8080)])


def test_a_port_of_a_server_that_has_just_ended_is_free(taken: int) -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((LOCAL, 0))
        server.listen(1)
        port = server.getsockname()[1]
        with socket.create_connection((LOCAL, port)) as caller:
            accepted, _ = server.accept()
            # Who closes first keeps the port in TIME_WAIT.
            accepted.close()
            assert caller.recv(1) == b""
    assert ports.resolve([Place("--port", LOCAL, port)])[0].port == port


@pytest.mark.parametrize(
    ("host", "reached"), [("0.0.0.0", LOCAL), ("::", "::1"), (LOCAL, LOCAL), ("example.com", "example.com")]
)
def test_where_a_listener_can_be_reached(host: str, reached: str) -> None:
    assert ports.reachable(host) == reached


def test_ipv6_addresses_get_brackets() -> None:
    assert ports.address("::1", 80) == "[::1]:80"
    assert ports.address(LOCAL, 80) == "127.0.0.1:80"
