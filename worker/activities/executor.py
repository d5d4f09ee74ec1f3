"""What an executor is, and what it is given."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from definitions.contract import Call

if TYPE_CHECKING:
    from worker.http_client import HttpClient
    from worker.secrets import SecretBox
    from worker.settings import Settings

T = TypeVar("T")


class ExecutorError(ValueError):
    """An executor cannot be used: one line that names where it comes from."""


@dataclass(frozen=True)
class Tools:
    """What every executor of a worker may use.

    `http` is the guarded client: the only way to call an address that a definition or a run names. `secret` reads a
    sealed secret (organisation, name); `box` opens it. `secrets` maps slot -> value for the one call at hand, and is
    the only thing here that differs from call to call.
    """

    settings: Settings
    http: HttpClient
    secret: Callable[[str, str], Awaitable[str]]
    box: SecretBox = field(repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    _kept: dict[Callable[[], Any], Any] = field(default_factory=dict, repr=False)

    def kept(self, make: Callable[[], T]) -> T:
        """What `make` returns, made once per worker: for clients and caches that outlive a call."""
        if make not in self._kept:
            self._kept[make] = make()
        found: T = self._kept[make]
        return found

    def with_secrets(self, secrets: Mapping[str, str]) -> Tools:
        return replace(self, secrets=secrets)


Run = Callable[[Call, Tools], Awaitable[Any]]


@dataclass(frozen=True)
class Executor:
    """One kind of call: an async function from a call to its output, any JSON value; None is no output.

    It raises to fail: `worker.activities.failures.call_failed` says how. `config_schema` is a JSON Schema (2020-12) of
    the step's config, checked before every call.
    """

    run: Run
    config_schema: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not (inspect.iscoroutinefunction(self.run) or inspect.iscoroutinefunction(type(self.run).__call__)):
            raise ExecutorError("an executor must be an async function (call, tools)")
        try:
            Draft202012Validator.check_schema(self.config_schema or {})
        except SchemaError as error:
            raise ExecutorError(f"the config's JSON Schema is invalid: {error.message}") from None

    @classmethod
    def of(cls, offered: Executor | Run) -> Executor:
        """An executor, or a bare function as one without a schema. Raises ExecutorError."""
        return offered if isinstance(offered, Executor) else cls(offered)
