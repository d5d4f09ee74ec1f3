"""Everything that can be wrong with a workflow: the stable codes and what each means."""

from __future__ import annotations

from definitions import json_text, yaml_text
from definitions.report import Report

#: Code -> what it means. Part of the API: codes are never renamed; `definitions/library/invalid` has one of each.
CODES: dict[str, str] = {
    **json_text.CODES,
    **yaml_text.CODES,
    "document-invalid": "The text is neither a workflow nor a list `workflows` of them.",
    "document-many": "`workflows` has not exactly one workflow, where one is expected.",
    "document-unsupported": "A project file, whose workflows are in other files: give those files instead.",
    "workflow-invalid": "A workflow is not an object.",
    "workflow-id-invalid": "A workflow's `id` is not a string of 1 to 200 printable characters without `/`.",
    "workflow-id-repeated": "Two workflows of a document have the same `id`.",
    "workflow-too-large": "A workflow compiles to more than 500000 bytes, which every run would carry along.",
    "key-unknown": "A key that is not known where it stands.",
    "feature-unsupported": "The vendor has this, but Tidegate does not.",
    "object-expected": "Something else than an object.",
    "list-expected": "Something else than a list.",
    "text-expected": "Something else than a string of at least one character.",
    "number-invalid": "Something else than a whole number within the bounds.",
    "word-unknown": "A word that is not one of those that may stand here.",
    "duration-invalid": "Not a duration such as `5m`, `1h30m` or `5 minutes`, or longer than 100 years.",
    "schema-invalid": "Not a JSON Schema that can be used.",
    "schema-unknown": "The id of a schema that is not among `schemas`.",
    "trigger-invalid": "A trigger is not an object with a `type`.",
    "trigger-unknown": "A trigger's `type` is neither `signal` nor `webhook`.",
    "trigger-repeated": "Two triggers of a workflow have the same signal name, or two webhooks the same slug.",
    "webhook-slug-invalid": "A webhook's `slug` is not 1 to 200 letters, digits, `-`, `_` and `.`.",
    "webhook-secret-missing": "A webhook that is verified has no `secret`, or an empty one.",
    "verification-unsupported": "A strategy of verification that Tidegate does not have.",
    "tasks-empty": "There is no task.",
    "tasks-too-many": "There are more tasks than can be run at once.",
    "task-invalid": "A task is not an object.",
    "task-id-invalid": "A task's `id` is not 1 to 100 letters, digits, `-` and `_`.",
    "task-id-repeated": "Two tasks of a workflow have the same `id`, or ids that differ in `-` and `_` only.",
    "task-type-unknown": "A task's `type` is not known.",
    "task-type-unsupported": "A task of a type that the vendor has, but Tidegate has not.",
    "task-unknown": "A transition or route names no task that it can lead to.",
    "transition-invalid": "A way on that this task cannot have: it runs by itself, or is a router.",
    "executable-invalid": "A basic task has not exactly one of `tool` and `agent`.",
    "executable-unknown": "`tool` or `agent` names none that the workflow has.",
    "executable-repeated": "Two tools, or two agents, have the same `id`.",
    "executable-missing": "A tool or agent without an executor (`type` and `config`): there is no other runtime.",
    "executor-unknown": "`type` of a tool or agent is neither a built-in executor nor one of the team's own.",
    "executor-config-invalid": "A value in `config` is not one that the executor can use.",
    "action-unknown": "`action` names no action of the agent, which has some.",
    "model-unsupported": "A basic task that asks a model without an agent.",
    "secrets-invalid": "`secrets` does not map names of slots to names of secrets.",
    "wait-name-missing": "A wait has no `wait_for`.",
    "processor-invalid": "A wait's `processor` is not a task, or is itself a wait.",
    "signal-invalid": "`signal` is not an object with an `id`, or names both a `correlation_key` and an `exec_id`.",
    "routes-invalid": "A router has no `condition`, or no `routes`.",
    "items-missing": "A collection has no `items`, or not exactly one of `task` and `tasks`.",
    "variable-invalid": "`item_var` or `index_var` is no name, or the name of something else.",
    "template-invalid": "A template cannot be read.",
    "template-unsupported": "A template uses a function that Tidegate does not have.",
    "condition-invalid": "A CEL expression cannot be read, or never gives what is needed.",
    "reference-unknown": "A template or condition names something that does not exist.",
}


def new_report() -> Report:
    return Report(CODES)
