"""Everything that can be wrong with a job: the stable codes and what each means."""

from __future__ import annotations

from definitions import json_text
from definitions.report import Report

#: Code -> what it means. Part of the API: codes are never renamed; `definitions/library/invalid` has one of each.
CODES: dict[str, str] = {
    **json_text.CODES,
    "document-invalid": "The text is JSON, but not an object.",
    "form-invalid": "There is neither a `definition` nor a `source`, or both.",
    "definition-invalid": "`definition` is not an object.",
    "key-unknown": "A key that is not known where it stands.",
    "key-missing": "A key that must be there is missing.",
    "name-invalid": "A job's `name` is not a string of 1 to 200 printable characters without `/`.",
    "max-attempts-invalid": "`maxAttempts` is not a whole number from 1 to 100.",
    "steps-invalid": "`steps` is not a list.",
    "steps-empty": "There is no step.",
    "step-invalid": "A step is not an object.",
    "step-form-invalid": "A step has not exactly one of `run`, `waitForEvent`, `send` and `state`.",
    "step-name-invalid": "`run` or `as` is not a string of 1 to 200 printable characters.",
    "step-name-repeated": "Two results have one name, or a result is called `payload`.",
    "call-invalid": "`call` is not an object.",
    "executor-unknown": "`type` is neither a built-in executor nor one of the team's own.",
    "config-invalid": "`config` is not an object.",
    "config-value-invalid": "A value in `config` is not one that the executor can use.",
    "secrets-invalid": "`secrets` does not map names of slots to names of secrets.",
    "event-name-invalid": "The name of an event is not a string of 1 to 200 printable characters without `${`.",
    "correlation-key-invalid": "`correlationKey` is not a string of 1 to 1000 characters, or cannot come to one.",
    "idempotency-key-invalid": "`idempotencyKey` is not a string of 1 to 1000 characters, or cannot come to one.",
    "duration-invalid": "Not a whole number and one of `s`, `m`, `h`, `d`, `w`, such as `24h`; or no time for a call.",
    "on-timeout-unknown": "`onTimeout` is none of `fail`, `continue`, `cancel`.",
    "send-invalid": "`send` is not an object.",
    "deliver-unknown": "`deliver` is neither `one` nor `all`.",
    "state-invalid": "`state` is not an object with exactly one of `get`, `set`, `delete` and `increment`.",
    "state-key-invalid": "The key of a state operation is not a string of 1 to 256 characters, or cannot come to one.",
    "increment-invalid": "`by` is neither a number nor a `${…}` that may come to one.",
    "expression-invalid": "A `${` has no path, or no `}`, or its path has an empty part.",
    "reference-unknown": "A `${…}` names neither the payload nor the result of an earlier step.",
    "reference-unresolvable": "A `${…}` asks for a part that the result has not.",
    "source-invalid": "`source` is not text.",
    "source-job-missing": "`source` registers no job, or not the one that `name` says.",
    "source-jobs-many": "`source` registers several jobs, and no `name` says which is meant.",
}


def new_report() -> Report:
    return Report(CODES)
