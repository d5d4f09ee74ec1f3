"""Everything that can be wrong with a workflow or route: the stable codes and what each means."""

from __future__ import annotations

from definitions import json_text
from definitions.report import Report

#: Code -> what it means. Part of the API: codes are never renamed; `definitions/library/invalid` has one of each.
CODES: dict[str, str] = {
    **json_text.CODES,
    "document-invalid": "The text is not an object with exactly one of `workflow` and `route`.",
    "project-invalid": "`project` is not 1 to 60 letters, digits, `-` and `_`.",
    "definition-invalid": "`workflow` or `route` is not an object.",
    "key-unknown": "A key that is not known where it stands.",
    "key-missing": "A key that must be there is missing.",
    "name-invalid": "A name is not a string of 1 to 100 printable characters without `/`.",
    "text-expected": "Something else than a string.",
    "boolean-expected": "Something else than true or false.",
    "object-expected": "Something else than an object.",
    "number-invalid": "Something else than a number within the bounds.",
    "event-name-invalid": "The name of an event is not a string of 1 to 120 printable characters.",
    "method-unknown": "A route's or a request's `method` is not known.",
    "path-invalid": "A route's `path` is not segments after `/`, each a text or one `{parameter}`, no parameter twice.",
    "authentication-unknown": "`authentication` is neither `none` nor `apiToken`.",
    "authentication-unsupported": "`authentication` is the end user's, whose sessions Tidegate does not have.",
    "schema-invalid": "`bodyValidation` is not a JSON Schema that can be used.",
    "schema-unsupported": "`bodyValidation` has a regular expression, or refers out of itself, which is not supported.",
    "actions-invalid": "`actions`, `true` or `false` is not a list.",
    "actions-too-many": "There are more than 300 actions, or they are nested more than 20 deep.",
    "action-invalid": "An action is not an object.",
    "action-name-invalid": "An action's `name` is not a string of 1 to 100 printable characters, one of them a letter "
    "or digit.",
    "action-key-repeated": "Two actions have names that give the same key for `$action`.",
    "action-type-unknown": "An action's `type` is not known.",
    "action-type-unsupported": "An action of a type that the vendor has, but Tidegate has not.",
    "config-invalid": "`config` is not an object.",
    "url-invalid": "`url` is not a string that begins with `http://` or `https://`, or with an expression.",
    "secrets-invalid": "`secrets` does not map names of slots to names of secrets, or a header names no such slot.",
    "status-invalid": "`status` is neither a number from 200 to 599 nor an expression.",
    "duration-invalid": "A delay has not exactly one of `seconds` and `duration`, or that is no duration.",
    "items-invalid": "`items` is neither a list nor one expression.",
    "language-unknown": "`language` of custom code is not known.",
    "language-unsupported": "`language` of custom code is Python, which Tidegate does not run.",
    "code-invalid": "`code` is empty, or longer than 200000 characters.",
    "connection-invalid": "`connection` is not 1 to 60 letters, digits and `_`.",
    "query-invalid": "`query` is empty, has several statements or a quote that nothing closes, or its parameters do "
    "not match `params`.",
    "query-expression-quoted": "An expression in `query` stands inside quotes or a comment, where none can be bound.",
    "condition-invalid": "`config` of an `if` is not a group `all` or `any` of comparisons and groups.",
    "operator-unknown": "The operator of a comparison is not known.",
    "type-unknown": "The type that `isType` compares with is not known.",
    "pattern-invalid": "The regular expression of `matches` cannot be used.",
    "template-invalid": "An expression `{{…}}` cannot be read.",
    "reference-unknown": "An expression names something that does not exist.",
    "reference-unsupported": "An expression names something that the vendor has, but Tidegate has not.",
}


def new_report() -> Report:
    return Report(CODES)
