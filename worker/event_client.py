"""Events that start runs, as `TidegateClient` offers them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from temporalio.client import Client

from definitions.contract import Published, PublishEvent, UnheardEvent
from definitions.errors import InputInvalid
from worker.catalog_client import CatalogClient
from worker.listeners import Compiled, Listeners
from worker.publishing import Publisher
from worker.rpc import RPC_SECONDS, bounded
from worker.topic_client import Topics

T = TypeVar("T")


class EventClient:
    """What dialects need of events: `listen` where a workflow changes, `publish` where an event comes."""

    def _init_events(
        self, client: Client, entity_task_queue: str, catalog: CatalogClient, seconds: float = RPC_SECONDS
    ) -> None:
        self._list_seconds = seconds
        self._listeners = Listeners(catalog)
        self._topics = Topics(client, entity_task_queue, seconds)
        self._publisher = Publisher(client, entity_task_queue, self._topics, self._listeners, seconds)

    async def publish(self, event: PublishEvent) -> Published:
        """Start a run of every workflow that listens to the event; returns when that is durable. Needs no worker.

        Who listens is decided now, for the event as a whole. The same `event_id` and name again start nothing, and are
        answered as the first time, for as long as Temporal keeps closed workflows (the namespace's retention); an event
        that nobody heard leaves no trace but its count, so a repetition of it is a new one.

        Raises Conflict (the same id with another payload), InputInvalid (name, id, not JSON), TooLarge, Overloaded,
        Unavailable. A listener that the payload does not fit is in `refused`, and is no error.
        """
        return await self._publisher.publish(event)

    async def listen(
        self,
        dialect: str,
        organisation: str,
        definition_id: str,
        change: Callable[[], Awaitable[T]],
        *,
        events: Iterable[str] = (),
        before: Iterable[str] = (),
    ) -> T:
        """Make a change of what a definition listens to, in the only order that loses no event; the change's result.

        `change` moves the definition's tags (deploys, switches on or off, removes). `events` are those that the version
        listens to that is live after it; `before` those that it may have listened to until then, which it is withdrawn
        from unless it still listens. Safe to repeat, and against other changes of the same definition at the same time.

        Raises what `subscribe` and `change` raise. After a failure of `change`, or a crash, subscriptions may be left
        over: they do no harm, since publishing asks the definition itself.
        """

        async def add(event: str) -> None:
            await self.subscribe(dialect, organisation, event, definition_id)

        async def drop(event: str) -> None:
            await self.unsubscribe(dialect, organisation, event, definition_id)

        return await _in_order(change, set(events), set(before), add, drop)

    async def keep_index(
        self,
        dialect: str,
        organisation: str,
        index: str,
        change: Callable[[], Awaitable[T]],
        *,
        entries: Iterable[str] = (),
        before: Iterable[str] = (),
        still: Callable[[str], Awaitable[bool]],
    ) -> T:
        """Make a change of what an index leads to, in the same order as `listen`; the change's result.

        An index is a topic whose candidates are not definitions but any short texts, which `may_hear` lists. `entries`
        lead to what is live after the change, `before` to what may have been until then: these are removed unless
        `still` says that they are needed. Raises as `listen`.
        """

        async def add(entry: str) -> None:
            await self.subscribe(dialect, organisation, index, entry)

        async def drop(entry: str) -> None:
            number = (await self._topics.listeners(dialect, organisation, index)).get(entry)
            if number is not None and not await still(entry):
                await self._topics.remove(dialect, organisation, index, entry, number)

        return await _in_order(change, set(entries), set(before), add, drop)

    async def subscribe(self, dialect: str, organisation: str, event: str, definition_id: str) -> int:
        """Make a definition one that may listen to an event: it is asked when one is published. `listen` does this.

        Raises InputInvalid (name), TooLarge (2,000 listen to it), Overloaded, Unavailable. Needs a worker.
        """
        return await self._topics.subscribe(dialect, organisation, event, definition_id)

    async def unsubscribe(self, dialect: str, organisation: str, event: str, definition_id: str) -> bool:
        """Remove a definition that does not listen to the event any more; False, and no harm, if it does.

        Whatever subscribes while this looks, stays subscribed. Raises Overloaded, Unavailable. Needs a worker.
        """
        number = (await self._topics.listeners(dialect, organisation, event)).get(definition_id)
        if number is None or await self._listeners.listens(dialect, organisation, event, definition_id):
            return False
        return await self._topics.remove(dialect, organisation, event, definition_id, number)

    async def may_hear(self, dialect: str, organisation: str, event: str) -> list[str]:
        """Ids of the definitions that are subscribed to an event, whether or not they are live. Needs no worker."""
        return list(await self._topics.listeners(dialect, organisation, event))

    async def list_unheard(
        self, dialect: str, organisation: str, *, limit: int = 100, cursor: str | None = None
    ) -> tuple[list[UnheardEvent], str | None]:
        """Names of events that came while nobody listened, last come first, and where the next page begins.

        Through visibility: a count may show up a moment late. A name is forgotten 30 days after its last event, unless
        it has listeners. Raises InputInvalid for a cursor that is none, Overloaded, Unavailable.
        """
        rows = await bounded(self._topics.list_unheard(dialect, organisation), seconds=self._list_seconds)
        if cursor is not None:
            after = _read_cursor(cursor)
            rows = [row for row in rows if [row.last, row.event] < after]
        shown = rows[: max(1, limit)]
        return shown, _cursor(shown[-1]) if len(rows) > len(shown) else None

    async def compiled_listener(self, dialect: str, organisation: str, definition_id: str, number: int) -> Compiled:
        """A version with what it listens to; kept in this process. Raises NotFound, DefinitionError."""
        return await self._listeners.compiled(dialect, organisation, definition_id, number)


async def _in_order(
    change: Callable[[], Awaitable[T]],
    wanted: set[str],
    before: set[str],
    add: Callable[[str], Awaitable[None]],
    drop: Callable[[str], Awaitable[None]],
) -> T:
    """The one order that loses nothing: what is wanted is there before the change, and after it."""
    for one in sorted(wanted):  # before it is live: else a crash in between would leave it live and unknown
        await add(one)
    result = await change()
    for one in sorted(wanted):  # and after: whoever had seen it not live yet cannot remove this one
        await add(one)
    for one in sorted(before - wanted):
        await drop(one)
    return result


def _cursor(row: UnheardEvent) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.last, row.event]).encode()).decode()


def _read_cursor(text: str) -> list[str]:
    try:
        value = json.loads(base64.urlsafe_b64decode(text.encode()))
    except (ValueError, binascii.Error, RecursionError):
        raise InputInvalid("not a cursor", "$.cursor") from None
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(one, str) for one in value):
        raise InputInvalid("not a cursor", "$.cursor")
    return value
