"""Everything that can be wrong with a definition: the stable codes, and the report that collects problems."""

from __future__ import annotations

from definitions import json_text, report
from definitions.errors import DefinitionError
from definitions.expressions.source_error import SourceError

#: Code -> what it means. Part of the API: codes are never renamed; `definitions/library/invalid` has one of each.
CODES: dict[str, str] = {
    **json_text.CODES,
    "definition-not-object": "The text is JSON, but not an object.",
    "top-level-key-missing": "`workflowName`, `steps` or `definitions` is missing.",
    "top-level-key-unknown": "A key beside `workflowName`, `steps` and `definitions`.",
    "workflow-name-invalid": "`workflowName` is not a string of 1 to 200 characters.",
    "steps-invalid": "`steps` is not a list.",
    "steps-empty": "There is no step.",
    "step-invalid": "A step is not an object.",
    "step-key-missing": "A step has no `name` or no `integrationDetails`.",
    "step-key-unknown": "A step has a key that is not known.",
    "step-name-invalid": "A step's `name` is not a string of 1 to 200 printable characters.",
    "retries-invalid": "`retries` is not a whole number from 0 to 999.",
    "timeout-invalid": "`timeoutSeconds` is not a whole number from 1 to 31536000 (one year).",
    "integration-invalid": "`integrationDetails` is not an object.",
    "integration-key-missing": "`type`, `inputDefinition` or `outputDefinition` is missing.",
    "integration-key-unknown": "`integrationDetails` has a key that is not known.",
    "type-invalid": "`type` is not a string.",
    "reference-invalid": 'A reference is not `{"$ref": "#/definitions/<name>"}`.',
    "reference-unknown": "A reference names a definition that does not exist.",
    "reference-cycle": "A definition is nothing but a reference that leads back to itself.",
    "secret-bindings-invalid": "`secretBindings` does not map names of slots to names of secrets.",
    "definitions-invalid": "`definitions`, or one of them, is not an object.",
    "definition-keyword-unknown": "A definition uses a keyword outside the subset of JSON Schema that is taken.",
    "definition-keyword-invalid": "A keyword of a definition has a value that it cannot have.",
    "definition-type-missing": "A definition has neither `type` nor `$ref`.",
    "definition-type-unknown": "`type` is not one of JSON's seven types.",
    "definition-too-complex": "What a definition describes is too large or nested too deeply to be analysed.",
    "definition-unsatisfiable": "No value can fit a definition.",
    "transition-invalid": '`transitionToStep` is neither a step\'s name, nor null, nor `{"if": […]}`.',
    "transition-if-too-short": "An `if` that chooses the next step has fewer than 3 items.",
    "transition-target-invalid": "A branch gives something that can never be a step's name.",
    "step-unknown": "A transition names a step that does not exist.",
    "rule-operator-unknown": "A rule uses an operator that json-logic does not have.",
    "rule-too-deep": "A rule is nested too deeply.",
    "transformer-invalid": "`inputTransformer`, or a part of it, has not the form that it must have.",
    "transformer-empty": "A `fieldset` has no entry.",
    "transformer-key-unknown": "`inputTransformer`, or a part of it, has a key that is not known.",
    "transformer-entry-invalid": "The keys of an entry of a `fieldset` do not go together, or a path is empty.",
    "transformer-commands-unsupported": "`via` with `commands`: valid, but not done here.",
    "transformer-field-unsupported": "`fromEach.field` is more than a dotted name: valid, but not done here.",
    "date-pattern-unsupported": "A date pattern that has no single meaning here: valid, but not done here.",
    "transformer-source-missing": "`from` leads nowhere on some way to the step.",
    "transformer-failed": "The transformer cannot be applied to data as defined.",
    "executor-unknown": "`type` is neither built in nor one of the team's own executors.",
    "executor-unsupported": "`type` is built in, but not done here.",
    "config-invalid": "`config` is not an object.",
    "config-missing": "The executor needs a `config`.",
    "config-key-missing": "`config` lacks a key that the executor needs.",
    "config-key-unknown": "`config` has a key that the executor does not know.",
    "config-value-invalid": "A value in `config` is not one that the executor can use.",
    "event-ids-empty": "A wait names no event.",
    "event-id-repeated": "A wait names an event twice.",
    "child-selector-invalid": "`workflowVersion` has not exactly one of `tag`, `versionId` and `versionNumber`.",
    "child-id-repeated": "Two children of a step have the same id.",
    "array-path-unresolved": "`forEach.arrayPath` does not lead to a list on some way to the step.",
    "step-input-mismatch": "What the transformer makes does not fit the step's `inputDefinition`.",
    "optional-property-relied-on": "Something holds only if a property is given that its definition does not require.",
}


class Report(report.Report):
    """Collects problems, also those that an expression tells of itself."""

    def __init__(self) -> None:
        super().__init__(CODES)

    def add_source_error(self, error: SourceError, path: str) -> None:
        self.add(error.code, path + error.place, error.message, unsupported=error.unsupported)


def problem_texts(error: DefinitionError) -> list[str]:
    """The problems as text: path, message and code of each."""
    return [str(problem) for problem in error.problems]
