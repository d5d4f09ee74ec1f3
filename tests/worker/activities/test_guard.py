"""Where outgoing HTTP may go, tried from every side an attacker has: the URL, the name, and redirects."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpcore
import pytest

from tests.conftest import free_port
from tests.worker.activities.certificates import server_certificate
from tests.worker.activities.local_server import LocalServer, Page, page, redirect
from worker.http_client import (
    MAX_REDIRECTS,
    HttpClient,
    HttpTimeout,
    HttpUnreachable,
    Outgoing,
    RequestInvalid,
    TooManyRedirects,
)
from worker.http_guard import GuardedBackend, HttpGuard, TargetNotAllowed, is_public, read_hosts

PUBLIC = "93.184.216.34"


@pytest.fixture
def guarded() -> HttpClient:
    """A client as the worker makes it by default."""
    return HttpClient(HttpGuard())


@pytest.fixture
def open_client() -> HttpClient:
    return HttpClient(HttpGuard(allow_private=True))


def get(url: str, *headers: tuple[str, str]) -> Outgoing:
    return Outgoing("GET", url, headers, seconds=10)


NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.9 224.0.0.1
239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
:: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1
fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 2001::1 2001:db8::1 2002:7f00:1::1 3fff::1 100::1 5f00::1
"""
PUBLIC_ONES = """
1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 223.255.255.255
2001:4860:4860::8888 2606:4700::1111 2a00:1450:4001::1 2003::1
"""


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC_ONES.split())
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


LOOPBACK_HOSTS = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0.0.0.0",
    "0",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1%25lo]",
    "169.254.169.254",
    "[fd00:ec2::254]",
]


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
async def test_no_notation_reaches_a_local_server(guarded: HttpClient, web: LocalServer, host: str) -> None:
    web.on("/", page("inside"))
    # TargetNotAllowed, or what comes before it where the platform or the parser does not know the notation.
    with pytest.raises((TargetNotAllowed, HttpUnreachable, RequestInvalid)):
        await guarded.send(get(web.url(host=host)))
    assert not web.received


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0.0.0.0", "[::ffff:127.0.0.1]"])
async def test_the_same_hosts_are_called_when_allowed(open_client: HttpClient, web: LocalServer, host: str) -> None:
    web.on("/", page("inside"))
    assert (await open_client.send(get(web.url(host=host)))).json() == "inside"


async def test_refusal_says_which_setting_and_not_which_address(guarded: HttpClient) -> None:
    with pytest.raises(TargetNotAllowed) as caught:
        await guarded.send(get("http://localhost:1/"))
    assert "TIDEGATE_HTTP_ALLOW_PRIVATE" in caught.value.message
    assert "127.0.0.1" not in caught.value.message and "::1" not in caught.value.message


class Resolver:
    """Answers name look-ups from a script, one answer per look-up; the last one stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, names: dict[str, list[list[str]]]) -> None:
        self.asked: list[str] = []
        self._names = names
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: Any, port: Any, *args: Any, **named: Any) -> Any:
        if host not in self._names:
            return self._real(host, port, *args, **named)
        self.asked.append(host)
        answers = self._names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [_entry(address, port) for address in addresses]


def _entry(address: str, port: int) -> Any:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))


class Recorder(httpcore.AsyncNetworkBackend):
    """Stands where the network is: notes who is dialled and refuses."""

    def __init__(self) -> None:
        self.dialled: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.dialled.append(host)
        raise httpcore.ConnectError("nobody there")


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, "::1"], ["::ffff:10.0.0.1"], ["fe80::1"]],
)
async def test_one_bad_address_of_a_name_is_enough(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    Resolver(monkeypatch, {"name.test": [addresses]})
    backend = GuardedBackend(HttpGuard())
    recorder = Recorder()
    monkeypatch.setattr(backend, "_dialler", recorder)
    with pytest.raises(TargetNotAllowed):
        await backend.connect_tcp("name.test", 80)
    assert recorder.dialled == []


async def test_the_checked_addresses_are_dialled_whatever_dns_says_next(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch, {"rebind.test": [[PUBLIC, "2606:4700::1111"], ["127.0.0.1"]]})
    backend = GuardedBackend(HttpGuard())
    recorder = Recorder()
    monkeypatch.setattr(backend, "_dialler", recorder)
    with pytest.raises(httpcore.ConnectError):
        await backend.connect_tcp("rebind.test", 80)
    assert recorder.dialled == [PUBLIC, "2606:4700::1111"]
    assert resolver.asked == ["rebind.test"]


async def test_second_address_serves_when_the_first_is_dead(
    open_client: HttpClient, web: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.on("/", page("here"))
    resolver = Resolver(monkeypatch, {"two.test": [["127.0.0.77", "127.0.0.1"]]})
    answer = await open_client.send(get(web.url(host="two.test")))
    assert answer.json() == "here"
    assert web.received[0].headers["host"] == f"two.test:{web.port}"
    assert resolver.asked == ["two.test"]


async def test_name_without_an_address(guarded: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, {"empty.test": [[]]})
    with pytest.raises(HttpUnreachable):
        await guarded.send(get("http://empty.test/"))


# --- redirects ---


@pytest.mark.parametrize("target", ["http://localhost:{port}/in", "http://2130706433:{port}/in", "//0:{port}/in"])
async def test_redirect_is_checked_like_a_first_call(
    web: LocalServer, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    # The first host counts as public, so that only the check of the second one stands between.
    monkeypatch.setattr("worker.http_guard.is_public", lambda address: str(address) == "127.0.0.99")
    Resolver(monkeypatch, {"public.test": [["127.0.0.99"]]})
    client = HttpClient(HttpGuard())
    with LocalServer(host="127.0.0.99") as outside:
        outside.on("/", redirect(target.format(port=web.port)))
        with pytest.raises(TargetNotAllowed):
            await client.send(get(outside.url(host="public.test")))
        assert len(outside.received) == 1
    assert not web.received


@pytest.mark.parametrize(
    "location", ["ftp://example.com/", "file:///etc/passwd", "http://user:pw@127.0.0.1/", "javascript:1", "http://:0"]
)
async def test_redirect_to_what_is_no_plain_url(open_client: HttpClient, web: LocalServer, location: str) -> None:
    web.on("/", redirect(location))
    with pytest.raises(TargetNotAllowed):
        await open_client.send(get(web.url()))
    assert len(web.received) == 1


async def test_redirects_are_bounded(open_client: HttpClient, web: LocalServer) -> None:
    web.on("/", redirect("/"))
    with pytest.raises(TooManyRedirects):
        await open_client.send(get(web.url()))
    assert len(web.received) == MAX_REDIRECTS + 1


async def test_as_many_redirects_as_allowed_are_followed(open_client: HttpClient, web: LocalServer) -> None:
    for step in range(MAX_REDIRECTS):
        web.on(f"/{step}", redirect(f"{step + 1}"))
    web.on(f"/{MAX_REDIRECTS}", page("end"))
    answer = await open_client.send(get(web.url("/0")))
    assert (answer.json(), answer.url) == ("end", web.url(f"/{MAX_REDIRECTS}"))


CREDENTIALS = (("Authorization", "Bearer t"), ("Cookie", "a=1"), ("X-Api-Key", "k"), ("Idempotency-Key", "i"))


async def test_credentials_stay_with_their_origin(open_client: HttpClient, web: LocalServer) -> None:
    web.on("/same", redirect("/end"))
    web.on("/other", redirect(web.url("/end", host="localhost")))
    web.on("/end", page(None))
    for path in ("/same", "/other"):
        await open_client.send(get(web.url(path), *CREDENTIALS))
    same, other = (request.headers for request in web.received if request.path == "/end")
    assert {name: same.get(name) for name in ("authorization", "cookie", "x-api-key")} == {
        "authorization": "Bearer t",
        "cookie": "a=1",
        "x-api-key": "k",
    }
    assert not {"authorization", "cookie", "x-api-key"} & set(other)
    assert (other["idempotency-key"], other["host"]) == ("i", f"localhost:{web.port}")


@pytest.mark.parametrize(
    ("method", "status", "then", "keeps_body"),
    [
        ("POST", 301, "GET", False),
        ("POST", 302, "GET", False),
        ("POST", 303, "GET", False),
        ("PUT", 303, "GET", False),
        ("PUT", 302, "PUT", True),
        ("POST", 307, "POST", True),
        ("POST", 308, "POST", True),
    ],
)
async def test_method_and_body_after_a_redirect(
    open_client: HttpClient, web: LocalServer, method: str, status: int, then: str, keeps_body: bool
) -> None:
    web.on("/", redirect("/end", status))
    web.on("/end", page(None))
    await open_client.send(Outgoing(method, web.url(), (("Content-Type", "text/plain"),), b"body"))
    last = web.received[-1]
    assert (last.method, last.body) == (then, b"body" if keeps_body else b"")
    assert ("content-type" in last.headers) == keeps_body


async def test_redirect_without_a_place_is_an_answer(open_client: HttpClient, web: LocalServer) -> None:
    web.on("/", Page(302))
    assert (await open_client.send(get(web.url()))).status == 302


# --- allowed hosts ---


@pytest.mark.parametrize(
    ("allowed", "host", "passes"),
    [
        ("api.example.com", "api.example.com", True),
        ("api.example.com", "API.Example.Com.", True),
        ("API.example.com", "api.example.com", True),
        ("api.example.com", "evil-api.example.com", False),
        ("api.example.com", "api.example.com.evil.test", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "evilexample.com", False),
        ("one.test, two.test", "two.test", True),
        ("127.0.0.1", "2130706433", False),
        ("::1", "::1", True),
        ("[::1]", "::1", True),
    ],
)
def test_allowed_hosts(allowed: str, host: str, passes: bool) -> None:
    guard = HttpGuard(read_hosts(allowed))
    if passes:
        guard.check_host(host)
    else:
        with pytest.raises(TargetNotAllowed, match="TIDEGATE_HTTP_ALLOW_HOSTS"):
            guard.check_host(host)


@pytest.mark.parametrize("text", ["http://a.test", "a.test/x", "*", "a.*.test", "*a.test", "a test", "a.test:80", "*."])
def test_bad_allowed_hosts(text: str) -> None:
    with pytest.raises(ValueError, match="is not a host name"):
        read_hosts(text)


async def test_redirect_may_not_leave_the_allowed_hosts(web: LocalServer) -> None:
    web.on("/", redirect(web.url("/end", host="localhost")))
    web.on("/end", page(None))
    client = HttpClient(HttpGuard(("127.0.0.1",), allow_private=True))
    with pytest.raises(TargetNotAllowed):
        await client.send(get(web.url()))
    assert [request.path for request in web.received] == ["/"]


async def test_listed_host_does_not_open_private_addresses(web: LocalServer) -> None:
    client = HttpClient(HttpGuard(("localhost",)))
    with pytest.raises(TargetNotAllowed, match="TIDEGATE_HTTP_ALLOW_PRIVATE"):
        await client.send(get(web.url(host="localhost")))


# --- TLS ---


async def test_tls_verifies_the_name_though_an_address_is_dialled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = server_certificate(tmp_path, "named.test")
    Resolver(monkeypatch, {"named.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]})
    names: list[str | None] = []
    tls = certificate.server_context()
    tls.sni_callback = lambda socket, name, context: names.append(name)
    trusting = HttpClient(HttpGuard(allow_private=True), ssl_context=certificate.client_context())
    with LocalServer(tls=tls) as server:
        server.on("/", page("secure"))
        assert (await trusting.send(get(server.url(host="named.test")))).json() == "secure"
        with pytest.raises(HttpUnreachable, match="certificate"):
            await trusting.send(get(server.url(host="other.test")))
    assert names == ["named.test", "other.test"]


async def test_unknown_issuer_is_refused(tmp_path: Path, open_client: HttpClient) -> None:
    certificate = server_certificate(tmp_path, "localhost")
    with LocalServer(tls=certificate.server_context()) as server:
        with pytest.raises(HttpUnreachable, match="certificate"):
            await open_client.send(get(server.url(host="localhost")))
        assert not server.received


def test_default_context_verifies() -> None:
    client = HttpClient(HttpGuard())
    context = client._ssl_context
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_more_calls_at_once_than_places_all_end(monkeypatch: pytest.MonkeyPatch, web: LocalServer) -> None:
    monkeypatch.setattr("worker.http_client.MAX_CONNECTIONS", 3)
    client = HttpClient(HttpGuard(allow_private=True))
    web.on("/", page("done"))
    answers = await asyncio.gather(*(client.send(get(web.url())) for _ in range(30)))
    assert [answer.json() for answer in answers] == ["done"] * 30
    # A call that fails or is cancelled leaves its place to others.
    for _ in range(4):
        with pytest.raises(HttpUnreachable):
            await client.send(get(f"http://127.0.0.1:{free_port()}/"))
        with pytest.raises(HttpTimeout):
            await client.send(Outgoing("GET", web.url(), seconds=0.0001))
    assert (await client.send(get(web.url()))).json() == "done"
