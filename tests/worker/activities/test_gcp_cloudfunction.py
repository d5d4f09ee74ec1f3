"""Cloud Functions over TLS, with tokens from a local stand-in for Google's two token services."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.worker.activities.certificates import server_certificate
from tests.worker.activities.local_server import LocalServer, Page, Received, page
from tests.worker.activities.workbench import Bench, call
from worker.activities.executor import Tools
from worker.allow import read_gcp
from worker.http_client import HttpClient
from worker.http_guard import HttpGuard

EMAIL = "runner@project.iam.gserviceaccount.com"
ACCOUNT = f"/v1/projects/-/serviceAccounts/{EMAIL}"


def identity_token(audience: str, expires_in: float = 3600) -> str:
    claims = {"aud": audience, "email": EMAIL, "exp": int(time.time() + expires_in)}
    parts = [{"alg": "none"}, claims]
    return ".".join([base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts] + [""])


class Google:
    """The token exchange and the service account's `generateIdToken`, on one local server."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        self.expires_in = 3600.0
        server.on("/sts", self.exchange)
        server.on(f"{ACCOUNT}:generateIdToken", self.generate)

    def exchange(self, request: Received) -> Page:
        return page({
            "access_token": "federated",
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": 3600,
        })  # fmt: skip

    def generate(self, request: Received) -> Page:
        assert request.headers["authorization"] == "Bearer federated"
        return page({"token": identity_token(request.json()["audience"], self.expires_in)})

    def asked(self, path: str) -> list[Received]:
        return [request for request in self.server.received if request.path == path]


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """Workload identity federation in the standard environment, all of it local."""
    with LocalServer() as server:
        (tmp_path / "subject").write_text("subject-token")
        credentials = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/pools/local/providers/local",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": server.url("/sts"),
            "credential_source": {"file": str(tmp_path / "subject")},
            "service_account_impersonation_url": server.url(f"{ACCOUNT}:generateAccessToken"),
        }
        (tmp_path / "credentials.json").write_text(json.dumps(credentials))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "credentials.json"))
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "local")
        yield Google(server)


@pytest.fixture
def secure(tmp_path: Path, bench: Bench) -> Iterator[LocalServer]:
    """A function on HTTPS, whose certificate the bench's client trusts."""
    certificate = server_certificate(tmp_path, "localhost")
    client = HttpClient(HttpGuard(allow_private=True), ssl_context=certificate.client_context())
    bench.use(Tools(bench.settings, client, bench.tools.secret, bench.box))
    with LocalServer(tls=certificate.server_context()) as server:
        yield server


def config(url: str, **more: Any) -> dict[str, Any]:
    return {
        "projectId": "project",
        "region": "us-central1",
        "functionUrl": url,
        "workloadIdentityPoolProvider": "projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "serviceAccountEmail": EMAIL,
        **more,
    }


async def test_called_with_an_identity_token_for_its_url(bench: Bench, google: Google, secure: LocalServer) -> None:
    secure.on("/pay", page({"paid": True}))
    url = secure.url("/pay", host="localhost")

    assert await bench.run("gcp_cloudfunction", call(config(url), {"sku": 1})) == {"paid": True}

    (request,) = secure.received
    assert (request.method, request.json()) == ("POST", {"sku": 1})
    assert request.headers["idempotency-key"] == "run-1/pay/2"
    token = request.headers["authorization"].removeprefix("Bearer ")
    assert json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["aud"] == url
    (exchange,) = google.asked("/sts")
    assert parse_qs(exchange.body.decode())["subject_token"] == ["subject-token"]
    (generate,) = google.asked(f"{ACCOUNT}:generateIdToken")
    assert generate.json() == {"audience": url, "includeEmail": True}


async def test_token_is_fetched_once_per_audience(bench: Bench, google: Google, secure: LocalServer) -> None:
    secure.on("/a", page(None))
    secure.on("/b", page(None))
    urls = [secure.url(path, host="localhost") for path in ("/a", "/a", "/b", "/a", "/b")]
    await asyncio.gather(*(bench.run("gcp_cloudfunction", call(config(url))) for url in urls))
    await bench.run("gcp_cloudfunction", call(config(urls[0])))
    audiences = [request.json()["audience"] for request in google.asked(f"{ACCOUNT}:generateIdToken")]
    assert sorted(audiences) == sorted(set(urls))
    assert len(secure.received) == 6


async def test_token_near_its_end_is_fetched_anew(bench: Bench, google: Google, secure: LocalServer) -> None:
    google.expires_in = 200
    secure.on("/a", page(None))
    for _ in range(2):
        await bench.run("gcp_cloudfunction", call(config(secure.url("/a", host="localhost"))))
    assert len(google.asked(f"{ACCOUNT}:generateIdToken")) == 2


@pytest.mark.parametrize(
    ("status", "body", "retryable"),
    [
        (403, b'{"error": "denied for s3cret-thing"}', False),
        (503, b"", True),
        (200, b"not json", True),
        (200, b'{"token": "no.jwt"}', True),
    ],
)
async def test_no_token(
    bench: Bench, google: Google, secure: LocalServer, status: int, body: bytes, retryable: bool
) -> None:
    google.server.on(f"{ACCOUNT}:generateIdToken", Page(status, body))
    error = await bench.failure("gcp_cloudfunction", call(config(secure.url("/a", host="localhost"))))
    assert (error.type, error.non_retryable) == ("gcp-credentials", not retryable)
    assert EMAIL in error.message and "s3cret" not in error.message
    assert not secure.received
    google.server.on(f"{ACCOUNT}:generateIdToken", google.generate)
    secure.on("/a", page("now"))
    assert await bench.run("gcp_cloudfunction", call(config(secure.url("/a", host="localhost")))) == "now"


async def test_token_exchange_that_fails(bench: Bench, google: Google, secure: LocalServer) -> None:
    google.server.on("/sts", page({"error": "invalid_grant", "error_description": "expired"}, 400))
    error = await bench.failure("gcp_cloudfunction", call(config(secure.url("/a", host="localhost"))))
    assert error.type == "gcp-credentials"
    assert "invalid_grant" in error.message and "\n" not in error.message
    assert not secure.received


async def test_no_credentials_means_no_call(
    bench: Bench, secure: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    error = await bench.failure("gcp_cloudfunction", call(config(secure.url("/a", host="localhost"))))
    assert (error.type, error.non_retryable) == ("gcp-credentials", True)
    assert error.message == "the worker has no Google credentials"
    assert not secure.received


async def test_local_stand_in_gets_no_token(bench: Bench, google: Google, web: LocalServer) -> None:
    web.on("/pay", page({"paid": True}))
    context = {"as": "__jobContext", "fields": {"jobId": "run_id"}}
    the_call = call(config(web.url("/pay"), context=context))
    assert await bench.run("gcp_cloudfunction", the_call) == {"paid": True}
    assert "authorization" not in web.received[0].headers
    assert web.received[0].json() == {"__jobContext": {"jobId": "run-1"}}
    assert not google.server.received


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://127.0.0.1:1/x", False),
        ("http://localhost:1/x", False),
        ("http://10.0.0.1/x", True),
        ("http://example.com/x", True),
        ("http://127.0.0.1.evil.test/x", True),
        ("http://2130706433/x", True),
    ],
)
async def test_plain_http_is_for_loopback_only(bench: Bench, google: Google, url: str, private: bool) -> None:
    bench.configure(http_allow_private=private)
    error = await bench.failure("gcp_cloudfunction", call(config(url)))
    assert (error.type, error.non_retryable) == ("target-not-allowed", True)


@pytest.mark.parametrize(
    ("dev", "allow", "allowed"),
    [
        (True, None, True),
        (False, None, False),
        (True, "{}", False),
        (False, '{"acme": ["http://127.0.0.1:*/pay"]}', True),
        (False, '{"acme": ["http://127.0.0.1:*/other"], "other": ["http://127.0.0.1:*/*"]}', False),
    ],
)
async def test_allow_list(bench: Bench, web: LocalServer, dev: bool, allow: str | None, allowed: bool) -> None:
    web.on("/pay", page("done"))
    bench.configure(dev=dev, gcp_allow=None if allow is None else read_gcp(allow))
    if allowed:
        assert await bench.run("gcp_cloudfunction", call(config(web.url("/pay")))) == "done"
        return
    error = await bench.failure("gcp_cloudfunction", call(config(web.url("/pay"))))
    assert (error.type, error.non_retryable) == ("target-not-allowed", True)
    assert "TIDEGATE_GCP_ALLOW" in error.message
    assert not web.received


@pytest.mark.parametrize(("status", "retryable"), [(400, False), (404, False), (429, True), (500, True)])
async def test_function_that_fails(bench: Bench, web: LocalServer, status: int, retryable: bool) -> None:
    web.on("/pay", Page(status, b"broken"))
    error = await bench.failure("gcp_cloudfunction", call(config(web.url("/pay"))))
    assert (error.type, error.non_retryable) == ("http-status", not retryable)
    assert error.message == f"POST {web.url('/pay')} answered {status}: broken"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(bench: Bench, web: LocalServer, status: int) -> None:
    """It would carry the input, secrets included, past the allow-list."""
    web.on("/pay", Page(status, b"", {"Location": web.url("/elsewhere")}))
    web.on("/elsewhere", page("taken"))
    bench.configure(dev=False, gcp_allow=read_gcp('{"acme": ["http://127.0.0.1:*/pay"]}'))
    error = await bench.failure("gcp_cloudfunction", call(config(web.url("/pay")), {"card": "s3cret"}))
    assert (error.type, error.non_retryable) == ("http-status", True)
    assert [request.path for request in web.received] == ["/pay"]


async def test_timeout(bench: Bench, web: LocalServer) -> None:
    def slow(request: Received) -> Page:
        time.sleep(0.6)
        return page(None)

    web.on("/pay", slow)
    error = await bench.failure("gcp_cloudfunction", call(config(web.url("/pay"), timeoutMs=100)))
    assert error.type == "http-timeout"


@pytest.mark.parametrize(
    "wrong",
    [
        {"functionUrl": "https://f.test/a/../b"},
        {"functionUrl": "https://f.test/a/%2e%2e/b"},
        {"functionUrl": "https://f.test/.."},
        {"functionUrl": "https://f.test/a?b=c"},
        {"functionUrl": "https://f.test/a#b"},
        {"functionUrl": "https://user@f.test/a"},
        {"functionUrl": "https://f.test\\@evil.test/"},
        {"functionUrl": "https://f.test/a\n"},
        {"functionUrl": "ftp://f.test/a"},
        {"serviceAccountEmail": "a/../b@c"},
        {"serviceAccountEmail": "a@b:generateAccessToken?"},
        {"surprise": 1},
    ],
)
async def test_bad_config(bench: Bench, wrong: dict[str, Any]) -> None:
    error = await bench.failure("gcp_cloudfunction", call({**config("https://f.test/a"), **wrong}))
    assert (error.type, error.non_retryable) == ("config-invalid", True)
