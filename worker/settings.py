"""All settings of the worker: one table, from which the environment is read and the README is checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from worker import setting_values as values
from worker.allow import AllowList, read_aws, read_gcp
from worker.http_guard import read_hosts, read_rewrites


class SettingsError(ValueError):
    """A setting is unusable: one line that names it, and never shows a secret."""


def _env(name: str, read: Callable[[str], Any], description: str) -> dict[str, Any]:
    return {"env": name, "read": read, "description": description}


@dataclass(frozen=True)
class Settings:
    """The worker's settings. Fields are named as the environment is, without the prefix."""

    task_queue: str = field(
        default="tidegate", metadata=_env("TIDEGATE_TASK_QUEUE", values.text, "Task queue that the workers poll.")
    )
    http_allow_hosts: tuple[str, ...] = field(
        default=(),
        metadata=_env(
            "TIDEGATE_HTTP_ALLOW_HOSTS",
            read_hosts,
            "Hosts that workflows may call over HTTP, separated by commas: `api.example.com`, or `*.example.com` for "
            "every host below it. Unset: any public host.",
        ),
    )
    http_allow_private: bool = field(
        default=False,
        metadata=_env(
            "TIDEGATE_HTTP_ALLOW_PRIVATE",
            values.flag,
            "`1` lets workflows call private, loopback, link-local and cloud metadata addresses.",
        ),
    )
    aws_allow: AllowList | None = field(
        default=None,
        metadata=_env(
            "TIDEGATE_AWS_ALLOW",
            read_aws,
            "Lambda functions that may be called: JSON object, organisation (or `*`) -> list of "
            "`account:region:function`, with `*` in a field. Unset: none, or any in a keyless `tidegate dev`.",
        ),
    )
    gcp_allow: AllowList | None = field(
        default=None,
        metadata=_env(
            "TIDEGATE_GCP_ALLOW",
            read_gcp,
            "Cloud Functions that may be called: JSON object, organisation (or `*`) -> list of URLs, with `*` within "
            "a part of the host or in the path. Unset: none, or any in a keyless `tidegate dev`.",
        ),
    )
    http_rewrite: tuple[tuple[str, str], ...] = field(
        default=(),
        metadata=_env(
            "TIDEGATE_HTTP_REWRITE",
            read_rewrites,
            "For tests, in a keyless `tidegate dev` only: where calls of an origin go instead, as "
            "`https://slack.com=http://127.0.0.1:9000`, separated by commas.",
        ),
    )
    oauth_handle: tuple[tuple[str, str], ...] = field(
        default=(),
        repr=False,
        metadata={
            **_env(
                "TIDEGATE_OAUTH_HANDLE",
                values.text,
                "An OAuth token that workflows may use, by its handle: the variable for `my-slack` ends in `MY_SLACK` "
                "instead of `HANDLE`. There may be many; every organisation may use them.",
            ),
            "many": "HANDLE",
        },
    )
    db_name: tuple[tuple[str, tuple[tuple[str, ...], str]], ...] = field(
        default=(),
        repr=False,
        metadata={
            **_env(
                "TIDEGATE_DB_NAME",
                values.database,
                "A database that workflows may query, by its name: the variable for `stock` ends in `STOCK` instead of "
                "`NAME`. An SQLAlchemy URL; before it, with a blank between, the organisations that may use it, "
                "separated by commas. Without these every one may.",
            ),
            "many": "NAME",
        },
    )
    secret_keys: tuple[str, ...] = field(
        default=(),
        repr=False,
        metadata=_env(
            "TIDEGATE_SECRET_KEYS",
            values.secret_keys,
            "Keys that encrypt stored secrets, separated by commas, newest first.",
        ),
    )
    token_keys: tuple[str, ...] = field(
        default=(),
        repr=False,
        metadata=_env(
            "TIDEGATE_TOKEN_KEYS", values.token_keys, "Keys that sign tokens, separated by commas, newest first."
        ),
    )
    public_url: str = field(
        default="",
        metadata=_env(
            "TIDEGATE_PUBLIC_URL", values.url, "Address under which callers reach the adapter; links carry it."
        ),
    )
    log_level: str = field(
        default="info",
        metadata=_env("TIDEGATE_LOG_LEVEL", values.level, "Least level logged: debug, info, warning, error."),
    )
    max_cached_workflows: int = field(
        default=1000,
        metadata=_env(
            "TIDEGATE_MAX_CACHED_WORKFLOWS",
            values.whole(0, 1_000_000),
            "Runs that a worker keeps in memory; one that is not there is replayed from its history.",
        ),
    )
    code_at_once: int = field(
        default=8,
        metadata=_env(
            "TIDEGATE_CODE_AT_ONCE",
            values.whole(1, 1_000),
            "Calls of JavaScript that a worker runs at once, a process each.",
        ),
    )
    code_memory_mb: int = field(
        default=256,
        metadata=_env(
            "TIDEGATE_CODE_MEMORY_MB", values.whole(128, 900), "Memory that one call of JavaScript may use, in MB."
        ),
    )
    event_loop_limit: int = field(
        default=10,
        metadata=_env(
            "TIDEGATE_EVENT_LOOP_LIMIT",
            values.whole(1, 10_000),
            "Runs of a workflow that may lead, by events, to one that publishes; more are an endless loop and stopped, "
            "where the step watches for it.",
        ),
    )
    # Shorter would help a killed worker's runs sooner; but under load tasks of a busy worker wait for seconds too, and
    # each one that is taken from it for that costs a replay and two more events.
    sticky_timeout: float = field(
        default=5.0,
        metadata=_env(
            "TIDEGATE_STICKY_TIMEOUT",
            values.seconds,
            "Seconds until a run whose worker is gone is given to another one.",
        ),
    )
    dev: bool = field(
        default=False,
        metadata=_env(
            "TIDEGATE_DEV",
            values.flag,
            "Set to `1` by `tidegate dev` when it runs without API keys: unset allow-lists then allow any function.",
        ),
    )


def described() -> Iterator[tuple[str, str, str]]:
    """Every setting as (environment name, default as text, description)."""
    for one in fields(Settings):
        yield one.metadata["env"], _shown(one.default), one.metadata["description"]


def _shown(default: Any) -> str:
    """A default as text; what has none is empty."""
    return str(int(default) if isinstance(default, float) and default.is_integer() else default) if default else ""


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the environment; an empty variable counts as unset. Raises SettingsError."""
    found = {one.name: _value(environ, one.metadata) for one in fields(Settings) if _given(environ, one.metadata)}
    settings = Settings(**found)
    if settings.http_rewrite and not settings.dev:
        raise SettingsError("TIDEGATE_HTTP_REWRITE may be set only for a `tidegate dev` without API keys")
    return settings


def _given(environ: Mapping[str, str], metadata: Mapping[str, Any]) -> list[str]:
    """The variables of a setting that are set."""
    name, many = metadata["env"], metadata.get("many")
    if many is None:
        return [name] if environ.get(name, "").strip() else []
    prefix = name.removesuffix(many)
    return sorted(one for one in environ if one.startswith(prefix) and one != prefix and environ[one].strip())


def _value(environ: Mapping[str, str], metadata: Mapping[str, Any]) -> Any:
    try:
        found = [metadata["read"](environ[name].strip()) for name in _given(environ, metadata)]
    except ValueError as error:
        raise SettingsError(f"{metadata['env']} {error}") from None
    if "many" not in metadata:
        return found[0]
    prefix = metadata["env"].removesuffix(metadata["many"])
    return tuple(
        (name.removeprefix(prefix), value) for name, value in zip(_given(environ, metadata), found, strict=True)
    )


def refuse_incomplete(settings: Settings) -> None:
    """What must be the same in every adapter and worker has no default. Raises SettingsError."""
    needed = {
        "TIDEGATE_PUBLIC_URL": settings.public_url,
        "TIDEGATE_TOKEN_KEYS": settings.token_keys,
        "TIDEGATE_SECRET_KEYS": settings.secret_keys,
    }
    missing = [env for env, value in needed.items() if not value]
    if missing:
        raise SettingsError(f"{', '.join(missing)} must be set")
