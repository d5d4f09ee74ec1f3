"""Handing events over to runs: an update on each, which the run alone decides.

An answer is the run's own word. No answer (no worker of the runs is up, the run is paused, Temporal is away) says
nothing: the run may have taken the event. So the same event is handed to the same wait again until there is one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from definitions import errors
from definitions.contract import DELIVER, HAND_OVER, DeliveryOutcome
from definitions.errors import TidegateError
from worker.failures import error_of
from worker.rpc import bounded

#: Seconds for one attempt that holds up the mailbox, and for one that does not.
LOCAL_SECONDS = 1.0
REMOTE_SECONDS = 5.0

UNANSWERED = "unanswered"
#: What became of a delivery that a run has decided -> what that means for event and wait (see `worker.pairing`).
_TAKEN = {"matched": "taken", "discarded": "used"}
#: How a run refuses -> the same. Whatever else comes back is no answer.
_REFUSED: dict[type[TidegateError], str] = {
    errors.NotFound: "gone",
    errors.RunClosed: "gone",
    errors.PayloadInvalid: "unfit",
    errors.ExpressionError: "unfit",
    errors.TooLarge: "unfit",
}


@dataclass
class Handed:
    """One event for one wait; `id` is the delivery's, the same whenever this event is handed to this wait."""

    event: int
    workflow_id: str
    wait_id: str
    id: str


@dataclass
class HandOver:
    """Argument of HAND_OVER. `payloads` maps event number -> [its payload], or [] if it has none."""

    name: str
    payloads: dict[str, list[Any]] = field(default_factory=dict)
    to: list[Handed] = field(default_factory=list)


class HandOverActivities:
    """The activity of mailboxes, local or not, over one client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn(name=HAND_OVER)
    async def hand_over(self, request: HandOver) -> list[str]:
        """A verdict of `worker.pairing`, or UNANSWERED, for each of `to`.

        Raises ApplicationError, to be repeated, if no run at all has answered; but a local activity returns even so.
        """
        local = activity.info().is_local
        seconds = LOCAL_SECONDS if local else REMOTE_SECONDS
        verdicts = await asyncio.gather(*(self._one(request, handed, seconds) for handed in request.to))
        if not local and all(verdict == UNANSWERED for verdict in verdicts):
            raise ApplicationError("no run has answered yet", type=UNANSWERED)
        return list(verdicts)

    async def _one(self, request: HandOver, handed: Handed, seconds: float) -> str:
        payload = request.payloads[str(handed.event)]
        event = {
            "id": handed.id,
            "name": request.name,
            "payload": payload[0] if payload else None,
            "has_payload": bool(payload),
            "wait": handed.wait_id,
        }
        try:
            return _TAKEN.get((await self._deliver(handed, event, seconds)).status, UNANSWERED)
        except TidegateError as error:
            return _REFUSED.get(type(error), UNANSWERED)

    async def _deliver(self, handed: Handed, event: dict[str, Any], seconds: float) -> DeliveryOutcome:
        call = self._client.get_workflow_handle(handed.workflow_id).execute_update(
            DELIVER, event, id=handed.id, result_type=DeliveryOutcome, rpc_timeout=timedelta(seconds=seconds)
        )
        try:
            outcome: DeliveryOutcome = await bounded(call, seconds=seconds, part="worker")
            return outcome
        except WorkflowUpdateFailedError as error:
            # A run that fails at it in any other way has not taken it either.
            raise error_of(error.cause) or errors.PayloadInvalid(str(error.cause)) from error
