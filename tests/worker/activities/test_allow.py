from __future__ import annotations

import json

import httpx
import pytest

from worker.allow import aws_fields, gcp_fields, read_aws, read_gcp


@pytest.mark.parametrize(
    ("pattern", "target", "fits"),
    [
        ("111111111111:us-east-1:pay", ("111111111111", "us-east-1", "pay"), True),
        ("111111111111:us-east-1:pay", ("111111111111", "us-east-1", "pay2"), False),
        ("111111111111:us-east-1:pay", ("222222222222", "us-east-1", "pay"), False),
        ("111111111111:*:*", ("111111111111", "eu-west-1", "anything"), True),
        ("111111111111:us-*:pay-*", ("111111111111", "us-east-1", "pay-now"), True),
        ("111111111111:us-*:pay-*", ("111111111111", "eu-west-1", "pay-now"), False),
        ("*:*:*", ("222222222222", "eu-west-1", "pay"), True),
        ("*:us-east-1:pay", ("1", "eu-west-1", "x:us-east-1:pay"), False),
        ("*:us-east-1:pay", ("1:us-east-1:pay", "eu-west-1", "x"), False),
        ("1*:us-east-1:pay", ("1", "us-east-1:pay:us-east-1", "pay"), False),
        ("1:us-east-1:PAY", ("1", "us-east-1", "pay"), False),
    ],
)
def test_aws_patterns(pattern: str, target: tuple[str, str, str], fits: bool) -> None:
    assert read_aws(json.dumps({"acme": [pattern]})).allows("acme", aws_fields(*target)) is fits


@pytest.mark.parametrize(
    ("pattern", "target", "fits"),
    [
        ("https://pay-x.a.run.app", "https://pay-x.a.run.app", True),
        ("https://pay-x.a.run.app", "https://pay-x.a.run.app/", True),
        ("https://pay-x.a.run.app", "https://pay-x.a.run.app/admin", False),
        ("https://pay-x.a.run.app/*", "https://PAY-X.a.run.app:443/admin/x", True),
        ("https://pay-x.a.run.app/v1/*", "https://pay-x.a.run.app/v2/x", False),
        ("https://*.cloudfunctions.net/pay", "https://us-central1-p.cloudfunctions.net/pay", True),
        ("https://*.cloudfunctions.net/*", "https://evil.test/x.cloudfunctions.net/", False),
        ("https://*.cloudfunctions.net/*", "https://cloudfunctions.net.evil.test/", False),
        ("https://*.cloudfunctions.net/*", "https://a.b.cloudfunctions.net/x", False),
        ("https://us-*.cloudfunctions.net/*", "https://us-x.evil.test/cloudfunctions.net/", False),
        ("https://*/pay", "https://evil.test/pay", False),
        ("https://pay.test/*", "http://pay.test/x", False),
        ("https://pay.test/*", "https://pay.test:8443/x", False),
        ("https://pay.test:8443/*", "https://pay.test:8443/x", True),
        ("http://localhost:*/*", "http://localhost:9000/x", True),
        ("https://pay.test/*", "https://pay.test./x", True),
    ],
)
def test_gcp_patterns(pattern: str, target: str, fits: bool) -> None:
    assert read_gcp(json.dumps({"acme": [pattern]})).allows("acme", gcp_fields(httpx.URL(target))) is fits


def test_lists_belong_to_organisations() -> None:
    found = read_aws('{"acme": ["1:r:mine"], "*": ["1:r:shared"], "other": []}')
    assert found.allows("acme", ("1", "r", "mine")) and found.allows("acme", ("1", "r", "shared"))
    assert found.allows("other", ("1", "r", "shared")) and not found.allows("other", ("1", "r", "mine"))
    assert not found.allows("nobody", ("1", "r", "mine"))


@pytest.mark.parametrize("text", ["", "x", "[]", '"*"', '{"a": "1:r:f"}', '{"a": [1]}', '{"a": null}'])
def test_bad_lists(text: str) -> None:
    for read in (read_aws, read_gcp):
        with pytest.raises(ValueError, match="must be a JSON object: organisation -> list of patterns"):
            read(text)


@pytest.mark.parametrize("pattern", ["", "*", "1:r", "1:r:f:x", "1::f", "arn:aws:lambda:r:1:function:f"])
def test_bad_aws_patterns(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not account:region:function"):
        read_aws(json.dumps({"a": [pattern]}))


@pytest.mark.parametrize(
    "pattern", ["", "*", "pay.test/x", "ftp://pay.test", "https://", "https://u@pay.test/", "https://a:/"]
)
def test_bad_gcp_patterns(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not https://HOST/PATH"):
        read_gcp(json.dumps({"a": [pattern]}))
