"""Handing events over to runs: an update on each, which the run alone decides.

An answer is the run's own word. No answer (no worker of the runs is up, the run is paused, Temporal is away) says
nothing: the run may have taken the event. So the same event is handed to the same wait again until there is one. A run
that has ended meanwhile is asked whether it had taken it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from definitions import errors
from definitions.contract import DELIVER, HAND_OVER, TOOK, DeliveryOutcome
from definitions.errors import TidegateError
from worker.failures import error_of
from worker.mailbox_messages import UNANSWERED, Handed, HandOver
from worker.rpc import bounded

#: Seconds for one attempt, and those for the others once one run has answered.
ATTEMPT_SECONDS = 5.0
OTHERS_SECONDS = 0.5

_ATTEMPT = timedelta(seconds=ATTEMPT_SECONDS)

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


class HandOverActivities:
    """The activity of mailboxes, over one client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn(name=HAND_OVER)
    async def hand_over(self, request: HandOver) -> list[str]:
        """A verdict of `worker.pairing`, or UNANSWERED, for each of `to`.

        Raises ApplicationError, to be repeated, if no run at all has answered.
        """
        again = request.again or activity.info().attempt > 1
        tasks = [asyncio.ensure_future(self._one(request, handed, again)) for handed in request.to]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        done, late = await asyncio.wait(tasks, timeout=OTHERS_SECONDS)
        if late and all(task.result() == UNANSWERED for task in done):
            done, late = await asyncio.wait(tasks)
        for task in late:
            task.cancel()
        verdicts = [task.result() if task in done else UNANSWERED for task in tasks]
        if all(verdict == UNANSWERED for verdict in verdicts):
            # Expected while no worker of the runs is up: no reason for a line in the log each time.
            raise ApplicationError("no run has answered yet", type=UNANSWERED, category=ApplicationErrorCategory.BENIGN)
        return verdicts

    async def _one(self, request: HandOver, handed: Handed, again: bool) -> str:
        payload = request.payloads[str(handed.event)]
        event = {
            "id": handed.id,
            "name": request.name,
            "payload": payload[0] if payload else None,
            "has_payload": bool(payload),
            "wait": handed.wait_id,
        }
        run = self._client.get_workflow_handle(handed.workflow_id)
        call = run.execute_update(DELIVER, event, id=handed.id, result_type=DeliveryOutcome, rpc_timeout=_ATTEMPT)
        try:
            outcome = await bounded(call, seconds=ATTEMPT_SECONDS, part="worker")
            return _TAKEN.get(outcome.status, UNANSWERED)
        except WorkflowUpdateFailedError as error:
            # A run that fails at it in a way unknown to us has not taken it either.
            refusal = error_of(error.cause) or errors.PayloadInvalid("")
            return _REFUSED.get(type(refusal), UNANSWERED)
        except errors.NotFound:
            return await self._of_ended(run, handed) if again else "gone"
        except TidegateError:
            return UNANSWERED
        except Exception as error:
            # Whatever is wrong with one of them must not keep the others of the batch from their answers.
            activity.logger.warning("an event could not be handed over: %s", error)
            return UNANSWERED

    async def _of_ended(self, run: WorkflowHandle[Any, Any], handed: Handed) -> str:
        """Whether a run that has ended had taken it before: its answer to that is what was not heard."""
        call = run.query(TOOK, handed.id, result_type=bool, rpc_timeout=_ATTEMPT)
        try:
            return "taken" if await bounded(call, seconds=ATTEMPT_SECONDS, part="worker") else "gone"
        except errors.NotFound:
            return "gone"
        except (TidegateError, WorkflowQueryFailedError):
            return UNANSWERED
