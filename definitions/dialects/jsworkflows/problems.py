"""Everything that can be wrong with a workflow: the stable codes and what each means."""

from __future__ import annotations

from definitions import json_text
from definitions.report import Report

#: Code -> what it means. Part of the API: codes are never renamed; `definitions/library/invalid` has one of each.
CODES: dict[str, str] = {
    **json_text.CODES,
    "document-invalid": "The text is JSON, but not an object.",
    "form-invalid": "There is neither a `source` nor `steps`, or both.",
    "key-unknown": "A key that is not known where it stands.",
    "key-missing": "A key that must be there is missing.",
    "name-invalid": "`name` is not a string of 1 to 200 printable characters.",
    "trigger-invalid": "`trigger` is not an object whose `type` is text.",
    "trigger-unknown": "`type` is no kind of trigger.",
    "trigger-unsupported": "The vendor has this trigger, but Tidegate serves `http` only.",
    "secrets-invalid": "`secrets` is not a list of distinct names, each of capital letters, digits and `_`.",
    "source-invalid": "`source` is not text.",
    "class-missing": "`source` has no `class Workflow`.",
    "start-missing": "There is no action `start`.",
    "methods-invalid": "`methods` is not a list of names.",
    "steps-invalid": "`steps` is not an object.",
    "action-name-invalid": "The name of an action is not an identifier of at most 200 characters.",
    "action-invalid": "An action is not a list of operations.",
    "operation-invalid": "An operation is not an object.",
    "operation-form-invalid": "An operation has not exactly one of the known kinds.",
    "operation-value-invalid": "What an operation is given is not an object, or not text, as its kind wants it.",
    "action-unknown": "`action` names no action of this workflow.",
    "action-start": "`action` is `start`, which nothing may lead to.",
    "action-hook": "`action` is `onWorkflowComplete` or `onWorkflowError`, which run by themselves.",
    "hook-plans": "`onWorkflowComplete` or `onWorkflowError` waits for an event, or schedules a step.",
    "schedule-after-wait": "`scheduleNextStep` follows `waitForEvent`: the branch is parked by then.",
    "payload-invalid": "`payload` is not an object.",
    "duration-invalid": "A duration is neither a number of seconds nor text such as `24 hours`.",
    "duration-out-of-range": "A duration is shorter or longer than what is allowed where it stands.",
    "redirect-invalid": "`redirect_url` is neither null nor an http or https URL.",
    "get-unknown": "`get` is neither `direct` nor `confirm`.",
    "key-invalid": "The key of `dedupe` or `runStore`, or a handle, is not text of the allowed length.",
    "store-invalid": "`runStore` has not exactly one of `get`, `set`, `push`, `increment` and `delete`.",
    "increment-invalid": "`by` is neither a number nor text with one `${…}`.",
    "fetch-invalid": "A value in `fetch` is not one that a request can have.",
    "response-invalid": "A returned `response` has another status than 200 to 599, or no object of headers.",
    "as-invalid": "`as` is not an identifier.",
    "as-repeated": "Two results of an action have one name, or a result has the name of what is always there.",
    "expression-invalid": "A `${` has no path, or no `}`.",
    "reference-unknown": "A `${…}` names nothing that is there, nor the result of an earlier operation.",
    "reference-unresolvable": "A `${…}` asks for a part that the result has not.",
    "secret-undeclared": "A `${env.…}` names a secret that `secrets` does not list.",
}


def new_report() -> Report:
    return Report(CODES)
