"""The documented examples as data."""

from __future__ import annotations

from typing import Any

from tests.conformance.stackshift.site import Site

Json = dict[str, Any]


def job(name: str, *steps: Json, returns: Any = None, **more: Any) -> Json:
    return {"name": name, "steps": list(steps), **({} if returns is None else {"return": returns}), **more}


def wait(event: str = "email.verified", key: str = "user:${payload.userId}", **more: Any) -> Json:
    return {"waitForEvent": event, "as": "event", "correlationKey": key, **more}


def onboarding(site: Site, on_timeout: str = "fail", timeout: str = "24h") -> Json:
    """userOnboarding of the workflows page."""
    return job(
        "userOnboarding",
        site.step("create-user", {"id": "${payload.userId}", "email": "${payload.email}"}),
        site.step("send-verification-email", {"to": "${payload.email}"}),
        wait(timeout=timeout, onTimeout=on_timeout),
        site.step("unlock-account", {"event": "${event}"}),
        returns={"onboarded": True},
    )


def ann(number: str = "123") -> Json:
    return {"userId": number, "email": f"{number}@example.com"}
