"""Which cloud functions an organisation may call: the lists in `TIDEGATE_AWS_ALLOW` and `TIDEGATE_GCP_ALLOW`.

A list is a JSON object: organisation -> patterns; the organisation `*` stands for every one. An AWS pattern has the
three fields `account:region:function`; a GCP pattern is a URL. Patterns are held against their target field by field,
never as joined text, so that a `*` cannot reach over a `:`, a dot of a host name or the end of a host.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import httpx

#: A pattern or a target, split into its fields. GCP: scheme, port, path, then the labels of the host.
Fields = tuple[str, ...]

_PORTS = {"https": 443, "http": 80}


def aws_fields(account: str, region: str, function: str) -> Fields:
    return (account, region, function)


def gcp_fields(url: httpx.URL) -> Fields:
    """The fields of a function's URL, as parsed by the client that will call it. The query plays no part."""
    host = url.host.lower().removesuffix(".")
    return (url.scheme, str(url.port or _PORTS.get(url.scheme, 0)), url.path or "/", *host.split("."))


def _aws_pattern(text: str) -> Fields:
    fields = tuple(text.split(":"))
    if len(fields) != 3 or not all(fields):
        raise ValueError(f"{text!r} is not account:region:function")
    return fields


def _gcp_pattern(text: str) -> Fields:
    scheme, separator, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    host, colon, port = authority.partition(":")
    if not separator or scheme not in _PORTS or not host or "@" in authority or (colon and not port):
        raise ValueError(f"{text!r} is not https://HOST/PATH")
    labels = host.lower().split(".")
    if not all(labels):
        raise ValueError(f"{text!r} has a host name with an empty part")
    return (scheme, port or str(_PORTS[scheme]), slash + path if slash else "/", *labels)


@dataclass(frozen=True)
class AllowList:
    """Organisation -> patterns, each split into fields. Empty: nothing is allowed."""

    patterns: Mapping[str, Sequence[Fields]] = field(default_factory=dict)

    def allows(self, organisation: str, target: Fields) -> bool:
        """Whether some pattern of the organisation, or of all, fits the target in every field."""
        of_all, own = self.patterns.get("*", ()), self.patterns.get(organisation, ())
        return any(_fits(pattern, target) for pattern in (*own, *of_all))


def _fits(pattern: Fields, target: Fields) -> bool:
    return len(pattern) == len(target) and all(map(fnmatchcase, target, pattern))


def _read(text: str, split: Callable[[str], Fields]) -> AllowList:
    try:
        value = json.loads(text)
    except ValueError:
        raise ValueError("must be a JSON object: organisation -> list of patterns") from None
    lists = value.values() if isinstance(value, dict) else [None]
    if not all(isinstance(one, list) and all(isinstance(item, str) for item in one) for one in lists):
        raise ValueError("must be a JSON object: organisation -> list of patterns")
    return AllowList({organisation: [split(item) for item in items] for organisation, items in value.items()})


def read_aws(text: str) -> AllowList:
    """Read `TIDEGATE_AWS_ALLOW`. Raises ValueError with the reason."""
    return _read(text, _aws_pattern)


def read_gcp(text: str) -> AllowList:
    """Read `TIDEGATE_GCP_ALLOW`. Raises ValueError with the reason."""
    return _read(text, _gcp_pattern)
