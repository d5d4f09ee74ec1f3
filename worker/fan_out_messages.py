"""What a fan-out is told, and tells its activities; in recorded histories, so new fields need a default."""

# Annotations are not postponed here: Temporal's converter evaluates them whenever it reads one of these.
from dataclasses import dataclass, field

from definitions.contract import PublishEvent, RefusedListener, StartedRun


@dataclass
class FanOut:
    """The argument of `TidegateFanOut`: an event, and the listeners that it had when it was published.

    `content` is a hash of the payload. Every repetition of the event is answered from here.
    """

    event: PublishEvent
    content: str
    listeners: list[StartedRun]
    refused: list[RefusedListener] = field(default_factory=list)


@dataclass
class StartListeners:
    """Argument of START_LISTENERS: those from `first` until before `end`. Without `fan_out`, it is the workflow's own
    argument: so the event is not written once more for each batch."""

    first: int
    end: int
    fan_out: FanOut | None = None


@dataclass
class NotStarted:
    """A listener that cannot be started at all, and why."""

    definition_name: str
    reason: str
