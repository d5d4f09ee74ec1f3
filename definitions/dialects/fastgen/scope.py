"""What expressions can name in a workflow or route, and the expressions of the model that are made of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from definitions.dialects.fastgen.words import CASELESS, ROOTS, ROOTS_UNSUPPORTED, ROUTE
from definitions.expressions import conditions, double_brace
from definitions.expressions.double_brace import Reference
from definitions.expressions.source_error import SourceError
from definitions.json_path import child
from definitions.model import Expression
from definitions.report import Report

LANGUAGE, CONDITIONS = "double-brace", "conditions"

#: A root that leads nowhere: beside it, one reference is a part of a text, and becomes text itself.
_TEXT, _NOWHERE = "_text", "$nowhere"

_CODES = {
    "template-root-unknown": "reference-unknown",
    "condition-operator-unknown": "operator-unknown",
    "condition-type-unknown": "type-unknown",
    "condition-pattern": "pattern-invalid",
}


def key_of(name: str) -> str:
    """Under which key `$action` has an action: its name in lower case, with `-` for all but letters and digits."""
    return "".join(one if one.isalnum() or one in "-_" else "-" for one in name.lower())


@dataclass(frozen=True)
class Names:
    """`actions` are the keys of all actions, `variables` the names of all variables, `parameters` those of the path."""

    report: Report
    kind: str
    actions: Collection[str]
    variables: Collection[str]
    parameters: Collection[str] = ()

    def value(self, value: Any, path: str, written: Any = None) -> Expression:
        """JSON with `{{…}}` in its texts as an expression; what is wrong with it is in the report.

        `written` is what is computed instead, if it is the same with texts of `as_text` in it.
        """
        used = self._used(value, path)
        template = value if written is None else written
        if not used:
            return Expression(language="literal", source=template)
        made = self._roots(used)
        if written is not None:
            made["roots"][_TEXT] = _NOWHERE
        return Expression(language=LANGUAGE, source={"template": template, **made})

    def text(self, value: str, path: str) -> Expression:
        """The same, of a text that is to stay one whatever stands for its expression."""
        return self.value(value, path, as_text(value))

    def conditions(self, group: Any, path: str) -> Expression:
        """A group of comparisons as an expression."""
        used = self._used(group, path)
        source = {"conditions": group, **self._roots(used)}
        try:
            conditions.compile({**source, "roots": [*ROOTS[self.kind], *ROOTS_UNSUPPORTED], "caseless": []})
        except SourceError as error:
            if not error.code.startswith("template-"):  # that has been found by now
                code = _CODES.get(error.code, "condition-invalid")
                self.report.add(code, path + error.place.removeprefix(".conditions"), error.message[:300])
        return Expression(language=CONDITIONS, source=source)

    def _roots(self, used: Collection[str]) -> dict[str, Any]:
        known = ROOTS[self.kind]
        caseless = [root for root in used if root in CASELESS]
        return {"roots": {root: known[root] for root in used}} | ({"caseless": caseless} if caseless else {})

    def _used(self, value: Any, path: str) -> list[str]:
        """The roots that a template names, once each; whatever it names is checked."""
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            return list(dict.fromkeys(root for key, item in items for root in self._used(item, child(path, key))))
        if not isinstance(value, str):
            return []
        try:
            found = [one for _, one in double_brace.references(value, [*ROOTS[self.kind], *ROOTS_UNSUPPORTED], path)]
        except SourceError as error:
            self.report.add(_CODES.get(error.code, "template-invalid"), path, error.message[:300])
            return []
        return list(dict.fromkeys(one.root for one in found if self._exists(one, path)))

    def _exists(self, reference: Reference, path: str) -> bool:
        root = reference.root
        if root in ROOTS_UNSUPPORTED:
            self.report.add("reference-unsupported", path, f"Tidegate has no ${root}", unsupported=True)
            return False
        known = {"action": self.actions, "var": self.variables}
        if self.kind == ROUTE:
            known["path"] = self.parameters
        if root in known and reference.keys and str(reference.keys[0]) not in known[root]:
            there = ", ".join(sorted(known[root])) or "none"
            message = f"there is no ${root}['{str(reference.keys[0])[:80]}']; there are: {there[:300]}"
            self.report.add("reference-unknown", path, message)
            return False
        return True


def as_text(value: Any) -> Any:
    """A template that comes to text: a reference by itself is made a part of one, which is empty otherwise."""
    return f"{value}{{{{${_TEXT}}}}}" if is_one_expression(value) else value


def is_dynamic(value: Any) -> bool:
    """Whether a text has an expression in it."""
    return isinstance(value, str) and "{{" in value and "$" in value


def is_one_expression(value: Any) -> bool:
    """Whether a text is exactly one expression, which keeps the type of its value."""
    if not is_dynamic(value):
        return False
    try:
        parts = double_brace.parts(value, _EverythingIsKnown(), "")
    except SourceError:
        return True  # this is found when it is compiled
    return len(parts) == 1 and isinstance(parts[0], Reference)


class _EverythingIsKnown(dict[str, Any]):
    def __contains__(self, key: object) -> bool:
        return True
