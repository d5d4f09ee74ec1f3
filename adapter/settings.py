"""All settings of the adapter: one table, from which the environment is read and the README is checked."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from adapter.hosts import read_host_names
from adapter.keyring import Keyring, KeyringError, read_keyring
from adapter.redirects import read_hosts
from definitions.dialects import DIALECTS
from definitions.links import read_public_url
from definitions.tokens import TokenKeys

LOG_LEVELS = ("debug", "info", "warning", "error")


class SettingsError(ValueError):
    """A setting is unusable: one line that names it, and never shows a secret."""


def _text(value: str) -> str:
    return value


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _token_keys(value: str) -> tuple[str, ...]:
    keys = _list(value)
    TokenKeys(keys)  # refuses what is too short to sign with
    return keys


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return read


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 3600:
        raise ValueError("must be a number of seconds above 0, at most 3600")
    return seconds


def _level(value: str) -> str:
    if value.lower() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return value.lower()


def _env(name: str, read: Callable[[str], Any], description: str) -> dict[str, Any]:
    return {"env": name, "read": read, "description": description}


@dataclass(frozen=True)
class Settings:
    """The adapter's settings. Fields are named as the environment is, without the prefix."""

    host: str = field(
        default="127.0.0.1", metadata=_env("TIDEGATE_HOST", _text, "Address that `tidegate serve` binds.")
    )
    port: int = field(
        default=8080, metadata=_env("TIDEGATE_PORT", _whole(0, 65535), "Port that `tidegate serve` binds.")
    )
    api_keys: Keyring = field(
        default=Keyring(),
        metadata=_env(
            "TIDEGATE_API_KEYS",
            read_keyring,
            'API keys: JSON list of `{"key_sha256", "organisation", "permissions", "name"?}`. Without any, only a '
            "loopback address is served and every caller on it is trusted.",
        ),
    )
    api_keys_file: str = field(
        default="", metadata=_env("TIDEGATE_API_KEYS_FILE", _text, "File that holds what `TIDEGATE_API_KEYS` would.")
    )
    public_url: str = field(
        default="",
        metadata=_env(
            "TIDEGATE_PUBLIC_URL", read_public_url, "Address under which callers reach the adapter; links carry it."
        ),
    )
    token_keys: tuple[str, ...] = field(
        default=(),
        metadata=_env("TIDEGATE_TOKEN_KEYS", _token_keys, "Keys that sign tokens, separated by commas, newest first."),
    )
    secret_keys: tuple[str, ...] = field(
        default=(),
        metadata=_env(
            "TIDEGATE_SECRET_KEYS", _list, "Keys that encrypt stored secrets, separated by commas, newest first."
        ),
    )
    max_body: int = field(
        default=262144,
        metadata=_env(
            "TIDEGATE_MAX_BODY",
            _whole(1, 2_000_000),
            "Largest request body in bytes; above it the answer is 413. Temporal takes at most 2 MB in one message.",
        ),
    )
    task_queue: str = field(
        default="tidegate", metadata=_env("TIDEGATE_TASK_QUEUE", _text, "Task queue that the workers poll.")
    )
    rpc_timeout: float = field(
        default=5.0,
        metadata=_env("TIDEGATE_RPC_TIMEOUT", _seconds, "Seconds until an unanswered call to Temporal gives 503."),
    )
    shutdown_grace: int = field(
        default=10,
        metadata=_env(
            "TIDEGATE_SHUTDOWN_GRACE", _whole(1, 600), "Seconds that requests in flight have to finish at shutdown."
        ),
    )
    resume_wait: float = field(
        default=30.0,
        metadata=_env(
            "TIDEGATE_RESUME_WAIT",
            _seconds,
            "Seconds that a program which calls a resume link waits for the resumed step; past it the answer is "
            "success, since the resume is durable.",
        ),
    )
    redirect_hosts: tuple[str, ...] = field(
        default=(),
        metadata=_env(
            "TIDEGATE_REDIRECT_HOSTS",
            read_hosts,
            "Hosts that a resume link may send a browser to, separated by commas: `shop.example.com`, or "
            "`*.example.com` for every host below it. Unset: any host, by https only.",
        ),
    )
    dialect_hosts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = field(
        default=(),
        metadata={
            **_env(
                "TIDEGATE_DIALECT_HOSTS",
                read_host_names,
                "Hosts at whose root a dialect serves one of its public names, `host=name`, separated by commas. The "
                "variable of a dialect has its name, in capitals, instead of `DIALECT`.",
            ),
            "of_each": "DIALECT",
        },
    )
    log_level: str = field(
        default="info", metadata=_env("TIDEGATE_LOG_LEVEL", _level, "Least level logged: debug, info, warning, error.")
    )

    @property
    def keyring(self) -> Keyring:
        return self.api_keys

    @property
    def on_loopback(self) -> bool:
        return is_loopback(self.host)


def described() -> Iterator[tuple[str, str, str]]:
    """Every setting as (environment name, default as text, description)."""
    for one in fields(Settings):
        yield one.metadata["env"], _shown(one.default), one.metadata["description"]


def _shown(default: Any) -> str:
    """A default as text; what has none is empty."""
    return str(int(default) if isinstance(default, float) and default.is_integer() else default) if default else ""


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the environment; an empty variable counts as unset. Raises SettingsError."""
    values = {one.name: _value(environ, one.metadata) for one in fields(Settings) if _given(environ, one.metadata)}
    path = values.get("api_keys_file")
    if path and "api_keys" in values:
        raise SettingsError("set TIDEGATE_API_KEYS or TIDEGATE_API_KEYS_FILE, not both")
    if path:
        values["api_keys"] = _keys_of_file(path)
    return Settings(**values)


def _given(environ: Mapping[str, str], metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The variables of a setting that are set: (dialect, or nothing, and the variable's name)."""
    name, part = metadata["env"], metadata.get("of_each")
    wanted = [("", name)] if part is None else [(one, name.replace(part, one.upper())) for one in DIALECTS]
    return [(one, variable) for one, variable in wanted if environ.get(variable)]


def _value(environ: Mapping[str, str], metadata: Mapping[str, Any]) -> Any:
    found = []
    for dialect, variable in _given(environ, metadata):
        try:
            found.append((dialect, metadata["read"](environ[variable].strip())))
        except ValueError as error:
            raise SettingsError(f"{variable}: {error}") from None
    return tuple(found) if "of_each" in metadata else found[0][1]


def _keys_of_file(path: str) -> Keyring:
    try:
        return read_keyring(Path(path).read_text(encoding="utf-8"))
    except KeyringError as error:
        raise SettingsError(f"TIDEGATE_API_KEYS_FILE: {path}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise SettingsError(f"TIDEGATE_API_KEYS_FILE: cannot read {path}: {reason}") from None


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def refuse_open_bind(settings: Settings) -> None:
    """Without keys everybody who reaches the server is trusted, so only loopback may. Raises SettingsError."""
    if not settings.keyring and not settings.on_loopback:
        raise SettingsError(
            f"refusing to listen on {settings.host} without API keys: set TIDEGATE_API_KEYS or bind 127.0.0.1"
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
