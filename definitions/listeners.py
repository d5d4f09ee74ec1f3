"""What a dialect says of its workflows that events start: one `Listening` per vendor, in the table LISTENERS of
`definitions.dialects`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Occurrence:
    """An event as a listener sees it. `payload` counts only if `has_payload`; `received_at` is a timestamp."""

    id: str
    name: str
    payload: Any
    has_payload: bool
    received_at: str


@dataclass(frozen=True)
class Trigger:
    """That a version listens to an event. `schema` is a JSON Schema of its payload, by itself; None: anything goes."""

    schema: dict[str, Any] | None = None


class Listening(Protocol):
    """Which versions of a dialect listen to what. Pure: the same for the same arguments."""

    def listening(self, tags: Mapping[str, int]) -> int | None:
        """The number of the version that events start now, from the definition's tags; None: it is not active."""
        ...

    def triggers(self, text: str) -> Mapping[str, Trigger]:
        """Event name -> its trigger, of a version's text. Raises DefinitionError."""
        ...

    def run_input(self, event: Occurrence) -> Any:
        """The input of a run that the event starts; None is no input."""
        ...
