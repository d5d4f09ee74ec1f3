"""What a `publish` step does outside of its run, once however often it is repeated: the event has an id of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from definitions import ksuids
from definitions.contract import PUBLISH, DeliveryOutcome, Event, PostEvent, PostOutcome, PublishRequest, PublishResult
from definitions.errors import Conflict, Overloaded, TidegateError, Unavailable
from worker.code_activity import heartbeats
from worker.failures import failure

if TYPE_CHECKING:
    from worker.client import TidegateClient

#: Why a step that watches for loops does not publish.
EVENT_LOOP = "event-loop"
#: Seconds for which a repetition of a step's own event is known to a mailbox.
OWN_WINDOW = 3_600.0


class PublishActivities:
    """The activity of `publish` steps, over one client of ours."""

    def __init__(self, tidegate: TidegateClient, loop_limit: int) -> None:
        self._tidegate = tidegate
        self._loop_limit = loop_limit

    def all(self) -> list[Callable[..., Coroutine[Any, Any, Any]]]:
        return [self.publish]

    @activity.defn(name=PUBLISH)
    async def publish(self, request: PublishRequest) -> PublishResult:
        """An answer that another attempt would get again ends the activity; who is away or busy is asked again."""
        self._watch(request)
        try:
            async with heartbeats():
                return await self._publish(request)
        except (Overloaded, Unavailable):
            raise
        except TidegateError as error:
            raise failure(error) from error

    def _watch(self, request: PublishRequest) -> None:
        led_here = request.event.lineage.get(request.own, 0)
        if request.watch and led_here > self._loop_limit:
            raise ApplicationError(
                f"an endless loop of events: {led_here} runs of this workflow have led to this event "
                f"{request.event.name!r}, and {self._loop_limit} may",
                type=EVENT_LOOP,
                non_retryable=True,
            )

    async def _publish(self, request: PublishRequest) -> PublishResult:
        if request.target is not None:
            run_id = ksuids.run_id(request.target) or request.target
            return PublishResult(request.event.event_id, delivered=await self._deliver(request, run_id))
        published = await self._tidegate.publish(request.event)
        result = PublishResult(published.event_id, [run.run_id for run in published.started], published.refused)
        if request.key is not None:
            result.posted = await self._post(request, request.key[0])
        return result

    async def _deliver(self, request: PublishRequest, run_id: str) -> DeliveryOutcome:
        event = request.event
        delivery = Event(event.event_id, event.name, event.payload, event.has_payload, source="run")
        return await self._tidegate.deliver(event.dialect, event.organisation, run_id, delivery)

    async def _post(self, request: PublishRequest, key: str | None) -> PostOutcome:
        event = request.event
        posted = PostEvent(
            event.event_id, event.payload, event.has_payload, idempotency_key=event.event_id, window=OWN_WINDOW
        )
        try:
            return await self._tidegate.post_event(event.dialect, event.organisation, event.name, key, posted)
        except Conflict:
            # An earlier attempt has sent it, with a payload that is computed otherwise now: what was sent counts.
            return PostOutcome(event.event_id, "accepted", duplicate=True)
