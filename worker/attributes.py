"""What operators see of a run in the Web UI: search attributes, and current details as Markdown.

No secret, token, payload or correlation key is in any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from definitions.contract import RunFacts
from worker.waits import OpenWait, WaitState

DIALECT = SearchAttributeKey.for_keyword("TidegateDialect")
ORGANISATION = SearchAttributeKey.for_keyword("TidegateOrganisation")
DEFINITION = SearchAttributeKey.for_keyword("TidegateDefinition")
VERSION = SearchAttributeKey.for_int("TidegateVersion")
WAITING_FOR = SearchAttributeKey.for_keyword_list("TidegateWaitingFor")
WAIT_SINCE = SearchAttributeKey.for_datetime("TidegateWaitSince")
WAIT_DEADLINE = SearchAttributeKey.for_datetime("TidegateWaitDeadline")


def start_attributes(facts: RunFacts) -> TypedSearchAttributes:
    """What is known from the start; set with it, so it costs no event of its own."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(DIALECT, facts.dialect),
            SearchAttributePair(ORGANISATION, facts.organisation[:200]),
            SearchAttributePair(DEFINITION, facts.definition_name[:200]),
            SearchAttributePair(VERSION, facts.version_number),
        ]
    )


def wait_values(waits: Sequence[OpenWait]) -> list[Any]:
    """[names waited for, since when, first deadline] of all open waits; all empty when nothing is open."""
    if not waits:
        return [None, None, None]
    names = sorted({name for wait in waits for name in wait.events if name not in {e.name for e in wait.received}})
    deadlines = [wait.deadline for wait in waits if wait.deadline is not None]
    return [names, min(wait.since for wait in waits), min(deadlines, default=None)]


def wait_updates(before: list[Any], after: list[Any]) -> list[SearchAttributeUpdate[Any]]:
    """The attribute updates that lead from one `wait_values` to another."""
    updates: list[SearchAttributeUpdate[Any]] = []
    names = after[0] and [name[:200] for name in after[0][:50]]
    if (before[:1] or [None]) != [after[0]]:
        updates.append(WAITING_FOR.value_unset() if names is None else WAITING_FOR.value_set(names))
    for index, key in ((1, WAIT_SINCE), (2, WAIT_DEADLINE)):
        if (before[index : index + 1] or [None]) != [after[index]]:
            value = after[index]
            updates.append(key.value_unset() if value is None else key.value_set(_moment(value)))
    return updates


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("`", "'").replace("\n", " ").replace("<", "&lt;")


def details(facts: RunFacts, waits: Sequence[OpenWait], state: WaitState) -> str:
    """The run's current details: what it waits for, since when, until when, and what follows."""
    lines = [f"**{_cell(facts.definition_name)}** version {facts.version_number}, run `{facts.run_id}`"]
    if waits:
        lines += [
            "",
            "| step | waits for | received | since | deadline | then | next step |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_row(wait) for wait in waits]
    if state.inbox:
        lines += [
            "",
            f"{len(state.inbox)} early event(s) kept: {_cell(', '.join(sorted({e.name for e in state.inbox}))[:500])}",
        ]
    if state.quarantined:
        last = state.quarantine[-1]
        lines += [
            "",
            f"{state.quarantined} unusable message(s); the last, `{_cell(last['name'])}`: {_cell(last['reason'])}",
        ]
    return "\n".join(lines)[:15_000]


def _row(wait: OpenWait) -> str:
    received = [event.name for event in wait.received]
    cells = (
        wait.step,
        ", ".join(wait.events) + ("" if wait.need == len(wait.events) else f" (any {wait.need})"),
        ", ".join(received) or "none",
        wait.since,
        wait.deadline or "never",
        wait.on_deadline or "-",
        wait.next or "the end",
    )
    return "| " + " | ".join(_cell(cell)[:1_000] for cell in cells) + " |"


def summary(facts: RunFacts) -> str:
    return f"{facts.definition_name} v{facts.version_number}"[:200]
