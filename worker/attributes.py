"""What operators see of a run in the Web UI: search attributes, summaries, and current details as Markdown.

No secret, token, payload or correlation key is in any of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from definitions.contract import RunFacts
from worker.state import Frame, RunState
from worker.waits import OpenWait

DIALECT = SearchAttributeKey.for_keyword("TidegateDialect")
ORGANISATION = SearchAttributeKey.for_keyword("TidegateOrganisation")
DEFINITION = SearchAttributeKey.for_keyword("TidegateDefinition")
VERSION = SearchAttributeKey.for_int("TidegateVersion")
WAITING_FOR = SearchAttributeKey.for_keyword_list("TidegateWaitingFor")
WAIT_SINCE = SearchAttributeKey.for_datetime("TidegateWaitSince")
WAIT_DEADLINE = SearchAttributeKey.for_datetime("TidegateWaitDeadline")

#: Temporal ends a run for good that sets an attribute of more than 2048 bytes, as JSON.
ATTRIBUTE_BYTES = 2_000
#: A keyword's length in the visibility store is limited as well.
NAME_LENGTH = 200
#: Temporal documents 200 bytes; it counts them as JSON.
SUMMARY_BYTES = 200
#: Current details may have 20 kB; they are only ever asked for, so nothing is stored of them.
DETAILS_LENGTH = 15_000
SHOWN_NAMES = 50
#: What became of a run -> how its details say so.
ENDED = {"succeeded": "It has succeeded.", "failed": "It has failed.", "cancelled": "It was cancelled."}


def start_attributes(facts: RunFacts) -> TypedSearchAttributes:
    """What is known from the start; set with it, so it costs no event of its own."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(DIALECT, facts.dialect),
            SearchAttributePair(ORGANISATION, _keyword(facts.organisation)),
            SearchAttributePair(DEFINITION, _keyword(facts.definition_name)),
            SearchAttributePair(VERSION, facts.version_number),
        ]
    )


def wait_values(waits: Sequence[OpenWait]) -> list[Any]:
    """[names waited for, since when, first deadline] of all open waits; all empty when nothing is open."""
    if not waits:
        return [None, None, None]
    names = {name for wait in waits for name in wait.events if name not in {e.name for e in wait.received}}
    deadlines = [wait.deadline for wait in waits if wait.deadline is not None]
    return [_keywords(sorted(names)), min(wait.since for wait in waits), min(deadlines, default=None)]


def wait_updates(before: list[Any], after: list[Any]) -> list[SearchAttributeUpdate[Any]]:
    """The attribute updates that lead from one `wait_values` to another."""
    updates: list[SearchAttributeUpdate[Any]] = []
    if (before[:1] or [None]) != [after[0]]:
        updates.append(WAITING_FOR.value_unset() if after[0] is None else WAITING_FOR.value_set(after[0]))
    for index, key in ((1, WAIT_SINCE), (2, WAIT_DEADLINE)):
        if (before[index : index + 1] or [None]) != [after[index]]:
            value = after[index]
            updates.append(key.value_unset() if value is None else key.value_set(_moment(value)))
    return updates


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def summary(facts: RunFacts) -> str:
    """A run's static summary."""
    return short(f"{facts.definition_name} v{facts.version_number}")


def short(text: str) -> str:
    """A text as long as a summary may be."""
    return _cut(_plain(text), SUMMARY_BYTES)


def _keyword(text: str) -> str:
    return _cut(_plain(text)[:NAME_LENGTH], ATTRIBUTE_BYTES)


def _keywords(names: Sequence[str]) -> list[str]:
    """As many of the names as an attribute can hold."""
    kept: list[str] = []
    room = ATTRIBUTE_BYTES
    for name in map(_keyword, names):
        room -= _size(name) + 1
        if room < 0:
            break
        kept.append(name)
    return kept


def _plain(text: str) -> str:
    """Without what some stores and terminals do not take: control characters, halves of surrogate pairs."""
    return text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)


def _size(text: str) -> int:
    """Bytes that a text takes as JSON, which is how Temporal is given it."""
    return len(json.dumps(text))


def _cut(text: str, size: int) -> str:
    while _size(text) > size:
        # At least one character less, and never less than fits: a character takes at most twelve bytes.
        text = text[: -max(1, (_size(text) - size) // 12)]
    return text


def details(facts: RunFacts, waits: Sequence[OpenWait], state: RunState) -> str:
    """The run's current details: what it waits for, since when, until when, and what follows.

    Lists, since the Web UI gives them half a page, in which a table of that many columns is cut off.
    """
    lines = [f"{_code(facts.definition_name)} version {facts.version_number}, run {_code(facts.run_id)}"]
    lines += [f"of the organisation {_code(facts.organisation)}", ""]
    lines += [line for wait in waits for line in _wait(wait)]
    if state.status != "running":
        lines += [ENDED[state.status], ""]
    elif facts.start_at is not None and facts.started_at is None:
        lines += [f"It is **scheduled** for {_second(facts.start_at)}.", ""]
    elif state.retry_at is not None:
        step = _code(state.frame.cursor or "")
        lines += [f"Step {step} has failed; it is tried again at {_second(state.retry_at)}.", ""]
    elif not waits:
        lines += [f"It is at step {_code(state.frame.cursor or '')}.", ""]
    if state.paused and state.status == "running":
        lines += ["It is **paused**: it begins no further step until it is told to go on.", ""]
    for step, until in _sleeping(state.frame, ""):
        lines += [f"Step {_code(step)} **sleeps** until {_second(until)}.", ""]
    return "\n".join([*lines, *_inbox(state)])[:DETAILS_LENGTH]


def _wait(wait: OpenWait) -> Iterator[str]:
    received = {event.name: event.received_at for event in wait.received}
    need = "all" if wait.need == len(wait.events) else f"any {wait.need}"
    yield f"Step {_code(wait.step)} **waits** for {'an event' if len(wait.events) == 1 else f'{need} of these events'}:"
    yield ""
    for name in wait.events[:SHOWN_NAMES]:
        state = f"received {_second(received[name])}" if name in received else "**not received**"
        yield f"- event {_code(name)}: {state}"
    if len(wait.events) > SHOWN_NAMES:
        yield f"- and {len(wait.events) - SHOWN_NAMES} more"
    yield f"- since: {_second(wait.since)}"
    yield f"- deadline: {_second(wait.deadline) if wait.deadline else 'never'}"
    if wait.on_deadline:
        yield f"- at the deadline: {_plain(wait.on_deadline)}"
    yield f"- next step: {_code(wait.next) if wait.next else 'none, the end'}"
    yield ""


def _inbox(state: RunState) -> Iterator[str]:
    kept = state.waits
    if kept.inbox:
        names = sorted({event.name for event in kept.inbox})
        more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
        yield f"Early events kept: {len(kept.inbox)} ({', '.join(map(_code, names[:SHOWN_NAMES]))}{more})"
        yield ""
    if kept.quarantined:
        last = kept.quarantine[-1]
        # Not its reason, which may quote the payload: the run's snapshot has that.
        yield f"Unusable messages: {kept.quarantined}; the last one is {_code(last['name'])}, of {_second(last['at'])}"


def _sleeping(frame: Frame, path: str) -> Iterator[tuple[str, str]]:
    """The steps that sleep now, in nested blocks too, and until when."""
    step = f"{path}{frame.cursor}"
    if frame.cursor is not None and "until" in frame.memory:
        yield step, frame.memory["until"]
    for key, inner in frame.frames.items():
        yield from _sleeping(inner, f"{step}/{key}/")


def _second(moment: str) -> str:
    """A moment of ours, to the second, as people read it."""
    return moment[:19] + "Z"


def _code(text: str) -> str:
    """A name as Markdown code: whatever is in it is shown as it is, and nothing of it is rendered."""
    return f"`{_plain(text)[:NAME_LENGTH].replace('`', chr(39))}`"
