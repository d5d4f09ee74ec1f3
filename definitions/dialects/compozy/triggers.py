"""What starts a workflow besides a request: signals by name, and webhooks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from definitions.dialects.compozy import checks, words
from definitions.dialects.compozy.context import schema_at
from definitions.dialects.compozy.scope import Names
from definitions.json_path import child
from definitions.model import Expression
from definitions.report import Report

_SLUG = re.compile(r"[A-Za-z0-9._-]{1,200}")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_VERIFIED, _UNSUPPORTED = ("none", "hmac"), ("stripe", "github")
#: What filters and inputs of a webhook's events can name.
_REQUEST = ("payload", "headers", "query")


@dataclass(frozen=True)
class Verification:
    """`none`, or `hmac`: a header carries the HMAC-SHA256 of the raw body, in hex. `skew` is in seconds."""

    strategy: str = "none"
    secret: str = field(default="", repr=False)
    header: str = ""
    skew: float = words.SKEW_SECONDS


@dataclass(frozen=True)
class Dedupe:
    """`ttl` is in seconds; `key` a template over the request, or none: the header `X-Idempotency-Key`."""

    enabled: bool = False
    ttl: float = words.DEDUPE_SECONDS
    key: Expression | None = None


@dataclass(frozen=True)
class WebhookEvent:
    """The first event whose `filter`, over {payload, headers, query}, is true starts the workflow with `input`, which
    has to fit `schema`. Without `input` it is the payload."""

    name: str
    filter: Expression | None = None
    input: Expression | None = None
    schema: dict[str, Any] | None = None


@dataclass(frozen=True)
class Webhook:
    slug: str
    method: str
    events: tuple[WebhookEvent, ...]
    verify: Verification = Verification()
    dedupe: Dedupe = Dedupe()


@dataclass(frozen=True)
class Signal:
    name: str
    schema: dict[str, Any] | None = None


def read_triggers(
    workflow: dict[str, Any], path: str, schemas: dict[str, dict[str, Any]], report: Report
) -> list[Signal | Webhook]:
    """All triggers of a workflow, in their order; what is wrong with them is in the report."""
    found: dict[tuple[str, str], Signal | Webhook] = {}
    where = child(path, "triggers")
    for index, raw in enumerate(checks.list_at(workflow, "triggers", path, report)):
        at = child(where, index)
        if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
            report.add("trigger-invalid", at, "expected an object with a `type`")
            continue
        if raw["type"] not in _READERS:
            report.add("trigger-unknown", child(at, "type"), f"expected one of {', '.join(_READERS)}")
            continue
        one = _READERS[raw["type"]](raw, at, schemas, report)
        if one is not None:
            name = one.name if isinstance(one, Signal) else one.slug
            message = f"another trigger has {name[:80]!r}"
            checks.expect((raw["type"], name) not in found, at, report, "trigger-repeated", message)
            found[raw["type"], name] = one
    return list(found.values())


def _signal(raw: dict[str, Any], path: str, schemas: dict[str, dict[str, Any]], report: Report) -> Signal | None:
    checks.has_keys(raw, ("type", "name", "schema"), path, report)
    schema = schema_at(raw, "schema", path, schemas, report)
    if not checks.is_name(raw.get("name"), child(path, "name"), report):
        return None
    return Signal(raw["name"], schema)


def _webhook(raw: dict[str, Any], path: str, schemas: dict[str, dict[str, Any]], report: Report) -> Webhook | None:
    checks.has_keys(raw, ("type", "webhook", "name"), path, report)
    hook, where = raw.get("webhook"), child(path, "webhook")
    if not checks.is_object(hook, where, report) or not isinstance(hook, dict):
        return None
    checks.has_keys(hook, ("slug", "method", "events", "verify", "dedupe"), where, report)
    slug = hook.get("slug")
    good = isinstance(slug, str) and _SLUG.fullmatch(slug) is not None
    checks.expect(good, child(where, "slug"), report, "webhook-slug-invalid", "expected letters, digits, `-`, `_`, `.`")
    method = str(hook.get("method", "POST")).upper()
    checks.is_word(method, _METHODS, child(where, "method"), report)
    events = [
        _event(one, child(child(where, "events"), index), schemas, report)
        for index, one in enumerate(checks.list_at(hook, "events", where, report))
    ]
    if not events:
        checks.expect(False, child(where, "events"), report, "trigger-invalid", "expected at least one event")
    verify, dedupe = _verification(hook, where, report), _dedupe(hook, where, report)
    return Webhook(str(slug), method, tuple(one for one in events if one), verify, dedupe) if good else None


def _names(report: Report) -> Names:
    return Names(report, {}, more=frozenset(_REQUEST))


def _event(raw: Any, path: str, schemas: dict[str, dict[str, Any]], report: Report) -> WebhookEvent | None:
    if not checks.is_object(raw, path, report):
        return None
    checks.has_keys(raw, ("name", "filter", "input", "schema"), path, report)
    if not checks.is_name(raw.get("name"), child(path, "name"), report):
        return None
    names, chosen = _names(report), raw.get("filter")
    where = child(path, "filter")
    return WebhookEvent(
        raw["name"],
        names.condition(chosen, where, "bool") if chosen and checks.is_text(chosen, where, report) else None,
        names.template(raw["input"], child(path, "input")) if raw.get("input") else None,
        schema_at(raw, "schema", path, schemas, report),
    )


def _verification(hook: dict[str, Any], path: str, report: Report) -> Verification:
    raw, where = checks.objects_at(hook, "verify", path, report), child(path, "verify")
    checks.has_keys(raw, ("strategy", "secret", "header", "skew"), where, report)
    strategy, at = raw.get("strategy", "none"), child(where, "strategy")
    if strategy in _UNSUPPORTED:
        report.add("verification-unsupported", at, f"{strategy} is not supported by Tidegate", unsupported=True)
        return Verification()
    if not checks.is_word(strategy, _VERIFIED, at, report) or strategy == "none":
        return Verification()
    secret, header = raw.get("secret"), raw.get("header")
    good = isinstance(secret, str) and secret.strip() != ""
    message = "a webhook that is verified needs a secret that is not empty"
    checks.expect(good, child(where, "secret"), report, "webhook-secret-missing", message)
    checks.is_name(header, child(where, "header"), report)
    skew = checks.seconds_at(raw, "skew", where, report)
    return Verification("hmac", str(secret), str(header), skew or words.SKEW_SECONDS)


def _dedupe(hook: dict[str, Any], path: str, report: Report) -> Dedupe:
    raw, where = checks.objects_at(hook, "dedupe", path, report), child(path, "dedupe")
    checks.has_keys(raw, ("enabled", "ttl", "key"), where, report)
    if not raw or raw.get("enabled") is not True:
        return Dedupe()
    ttl, key = checks.seconds_at(raw, "ttl", where, report), raw.get("key")
    at = child(where, "key")
    made = _names(report).template(key, at) if key is not None and checks.is_text(key, at, report) else None
    return Dedupe(True, ttl or words.DEDUPE_SECONDS, made)


_READERS: dict[str, Callable[[dict[str, Any], str, dict[str, dict[str, Any]], Report], Signal | Webhook | None]] = {
    "signal": _signal,
    "webhook": _webhook,
}
