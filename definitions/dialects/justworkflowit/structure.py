"""The form of a definition: every key and type, at every level and in every step, reachable or not."""

from __future__ import annotations

from typing import Any

from definitions.dialects.justworkflowit import checks
from definitions.dialects.justworkflowit.problems import Report
from definitions.dialects.justworkflowit.transformers import check_transformer_form
from definitions.json_path import child

TOP_LEVEL = ("workflowName", "steps", "definitions")
STEP = ("name", "integrationDetails", "retries", "timeoutSeconds", "transitionToStep")
INTEGRATION = ("type", "inputDefinition", "outputDefinition", "config", "inputTransformer", "secretBindings")
KEYWORDS = ("$ref", "type", "properties", "items", "required", "additionalProperties", "default")
TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
REF_PREFIX = "#/definitions/"
YEAR = 31_536_000
MAX_RETRIES = 999

#: Their definitions are filled in when a version is registered, so that what customers send may omit them.
OMIT_DEFINITIONS = ("/justworkflowit/runChildJob", "/justworkflowit/runMarketplaceJob")


def check_structure(document: Any, report: Report) -> None:
    if not checks.is_object(document, "$", report, "definition-not-object"):
        return
    checks.check_keys(document, TOP_LEVEL, TOP_LEVEL, "$", report, ("top-level-key-unknown", "top-level-key-missing"))
    if "workflowName" in document:
        checks.is_name(document["workflowName"], "$.workflowName", report, "workflow-name-invalid")
    if "steps" in document and checks.is_list(document["steps"], "$.steps", report, "steps-invalid"):
        if not document["steps"]:
            report.add("steps-empty", "$.steps", "a workflow needs at least one step")
        for index, step in enumerate(document["steps"]):
            _check_step(step, f"$.steps[{index}]", report)
    if "definitions" in document:
        _check_definitions(document["definitions"], "$.definitions", report)


def _check_step(step: Any, path: str, report: Report) -> None:
    if not checks.is_object(step, path, report, "step-invalid"):
        return
    checks.check_keys(step, STEP, STEP[:2], path, report, ("step-key-unknown", "step-key-missing"))
    if "name" in step:
        checks.is_name(step["name"], child(path, "name"), report, "step-name-invalid")
    if "retries" in step:
        checks.is_whole(step["retries"], 0, MAX_RETRIES, child(path, "retries"), report, "retries-invalid")
    if "timeoutSeconds" in step:
        checks.is_whole(step["timeoutSeconds"], 1, YEAR, child(path, "timeoutSeconds"), report, "timeout-invalid")
    _check_transition(step.get("transitionToStep"), child(path, "transitionToStep"), report)
    if "integrationDetails" in step:
        _check_integration(step["integrationDetails"], child(path, "integrationDetails"), report)


def _check_transition(value: Any, path: str, report: Report) -> None:
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, dict) or list(value) != ["if"] or not isinstance(value["if"], list):
        report.add("transition-invalid", path, 'expected a step\'s name, null or {"if": […]}')
    elif len(value["if"]) < 3:
        report.add("transition-if-too-short", child(path, "if"), "`if` needs a condition and two results")


def _check_integration(details: Any, path: str, report: Report) -> None:
    if not checks.is_object(details, path, report, "integration-invalid"):
        return
    required = ("type",) if details.get("type") in OMIT_DEFINITIONS else INTEGRATION[:3]
    codes = ("integration-key-unknown", "integration-key-missing")
    checks.check_keys(details, INTEGRATION, required, path, report, codes)
    if "type" in details:
        checks.is_text(details["type"], child(path, "type"), report, "type-invalid")
    for key in ("inputDefinition", "outputDefinition"):
        if key in details:
            _check_reference(details[key], child(path, key), report)
    if "config" in details:
        checks.is_object(details["config"], child(path, "config"), report, "config-invalid")
    if "inputTransformer" in details:
        check_transformer_form(details["inputTransformer"], child(path, "inputTransformer"), report)
    if "secretBindings" in details:
        _check_secrets(details["secretBindings"], child(path, "secretBindings"), report)


def _check_reference(value: Any, path: str, report: Report) -> None:
    if not isinstance(value, dict) or list(value) != ["$ref"]:
        report.add("reference-invalid", path, 'expected {"$ref": "#/definitions/<name>"} and nothing else')
    else:
        _check_ref_text(value["$ref"], child(path, "$ref"), report)


def _check_ref_text(value: Any, path: str, report: Report) -> None:
    if not isinstance(value, str) or not value.startswith(REF_PREFIX) or value == REF_PREFIX:
        report.add("reference-invalid", path, f"expected {REF_PREFIX}<name>")


def _check_secrets(value: Any, path: str, report: Report) -> None:
    if not checks.is_object(value, path, report, "secret-bindings-invalid"):
        return
    for slot, name in value.items():
        if slot == "":
            report.add("secret-bindings-invalid", path, "a slot needs a name")
        checks.is_name(name, child(path, slot), report, "secret-bindings-invalid")


def _check_definitions(value: Any, path: str, report: Report) -> None:
    if checks.is_object(value, path, report, "definitions-invalid"):
        for name, definition in value.items():
            _check_definition(definition, child(path, name), report)


def _check_definition(value: Any, path: str, report: Report) -> None:
    if not checks.is_object(value, path, report, "definitions-invalid"):
        return
    for keyword, item in value.items():
        at = child(path, keyword)
        if keyword not in KEYWORDS:
            report.add("definition-keyword-unknown", at, f"the keyword {keyword[:80]!r} is not taken here")
        elif keyword in _KEYWORD_CHECKS:
            _KEYWORD_CHECKS[keyword](item, at, report)
    if "$ref" not in value and "type" not in value:
        report.add("definition-type-missing", path, "either `type` or `$ref` is needed")


def _check_type(value: Any, path: str, report: Report) -> None:
    if value not in TYPES:
        report.add("definition-type-unknown", path, f"expected one of {', '.join(TYPES)}")


def _check_properties(value: Any, path: str, report: Report) -> None:
    if checks.is_object(value, path, report, "definition-keyword-invalid"):
        for name, definition in value.items():
            _check_definition(definition, child(path, name), report)


def _check_required(value: Any, path: str, report: Report) -> None:
    strings = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if not strings or len(set(value)) != len(value):
        report.add("definition-keyword-invalid", path, "expected a list of different strings")


def _check_additional(value: Any, path: str, report: Report) -> None:
    if not isinstance(value, bool):
        report.add("definition-keyword-invalid", path, "expected true or false")


_KEYWORD_CHECKS = {
    "$ref": _check_ref_text,
    "type": _check_type,
    "properties": _check_properties,
    "items": _check_definition,
    "required": _check_required,
    "additionalProperties": _check_additional,
}
