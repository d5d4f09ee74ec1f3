"""The dry run: every way through a definition with made-up data, once with all properties and once with the required.

A step sees what every way to it has left behind. So nothing has to be walked twice: the steps are taken once each, in
an order in which those come first that always run before; loops and branches cost nothing.
"""

from __future__ import annotations

from typing import Any

from definitions.dialects.justworkflowit import graph, transformers
from definitions.dialects.justworkflowit.children import data_path
from definitions.dialects.justworkflowit.document import INPUT, Document, Source
from definitions.dialects.justworkflowit.executors import CHILDREN
from definitions.dialects.justworkflowit.fakes import Faker, TooComplex
from definitions.dialects.justworkflowit.problems import Report
from definitions.errors import ExpressionError
from definitions.expressions import evaluate
from definitions.expressions import javascript as js
from definitions.expressions.json_xform_run import find
from definitions.expressions.meter import Meter
from definitions.json_path import child
from definitions.schemas import first_error

RELIANCE = "This relies on a property that its definition does not require: "


def analyse(document: Document, report: Report) -> None:
    """Both passes; the second only if the first finds nothing. Adds what is wrong to the report."""
    order = graph.reachable(document.start, document.following)
    before = graph.always_before(order, document.following)
    try:
        for optional in (True, False):
            _Pass(document, order, before, optional, report).run()
            if report.problems:
                return
    except TooComplex:
        report.add("definition-too-complex", "$.definitions", "the definitions describe more data than can be analysed")


class _Pass:
    def __init__(
        self, document: Document, order: list[str], before: dict[str, list[str]], optional: bool, report: Report
    ) -> None:
        self._document = document
        self._order = order
        self._before = before
        self._optional = optional
        self._report = report
        self._faker = Faker(document.definitions, optional)
        self._checked: set[str] = set()
        #: What each step leaves behind. A key that is named here without a value is not known beforehand.
        self._left: dict[str, dict[str, Any]] = {}

    def run(self) -> None:
        start = {INPUT: self._fake(INPUT)} if INPUT in self._document.definitions else {}
        for name in self._order:
            step = self._document.steps[name]
            data = dict(start)
            if step.transformer is not None or step.type == CHILDREN:
                for earlier in self._before[name]:
                    data.update(self._left[earlier])
            self._left[name] = self._step(step, data)

    def _step(self, step: Source, data: dict[str, Any]) -> dict[str, Any]:
        left = {}
        if step.transformer is not None:
            left[f"{step.name}Input"] = self._transformed(step, step.transformer, data)
        elif (name := step.definition("inputDefinition")) is not None:
            left[f"{step.name}Input"] = self._fake(name)
        output = step.definition("outputDefinition")
        left[f"{step.name}Output"] = _UNKNOWN if output is None else self._fake(output)
        if step.type == CHILDREN:
            self._check_array_paths(step, {**data, **left})
        return left

    def _fake(self, name: str) -> Any:
        """A value for a definition, which it must fit."""
        value = self._faker.value(name)
        if name not in self._checked:
            self._checked.add(name)
            error = first_error(self._document.schema(name), value)
            if error is not None:
                path = child("$.definitions", name)
                self._add("definition-unsatisfiable", path, f"nothing fits it: {error[0]}: {error[1]}")
        return value

    def _transformed(self, step: Source, transformer: dict[str, Any], data: dict[str, Any]) -> Any:
        path = f"{step.details_path}.inputTransformer"
        missing = False
        for place, source in transformers.sources(transformer):
            if _at(data, source) is js.UNDEFINED:
                missing = True
                self._add("transformer-source-missing", path + place, self._missing(step, source))
        if missing or self._looks_at_unknown(transformer, data):
            return _UNKNOWN
        known = {key: value for key, value in data.items() if value is not _UNKNOWN}
        try:
            made = evaluate(transformers.compile_transformer(transformers.without_formats(transformer)), known)
        except ExpressionError as error:
            self._add("transformer-failed", path, error.message)
            return _UNKNOWN
        self._check_input(step, made, path)
        return made

    def _looks_at_unknown(self, transformer: dict[str, Any], data: dict[str, Any]) -> bool:
        roots = data if transformers.looks_anywhere(transformer) else transformers.roots(transformer)
        return any(data.get(root) is _UNKNOWN for root in roots)

    def _check_input(self, step: Source, made: Any, path: str) -> None:
        name = step.definition("inputDefinition")
        if name is not None and (error := first_error(self._document.schema(name), made)) is not None:
            self._add("step-input-mismatch", path, f"what it makes does not fit {name!r}: {error[0]}: {error[1]}")

    def _check_array_paths(self, step: Source, data: dict[str, Any]) -> None:
        for index, item in enumerate(step.details["config"]["children"]):
            if "forEach" not in item:
                continue
            path = f"{step.details_path}.config.children[{index}].forEach.arrayPath"
            source = data_path(item["forEach"]["arrayPath"], self._document.steps)
            found = _at(data, source)
            if found is not _UNKNOWN and not isinstance(found, list):
                reason = self._missing(step, source) if found is js.UNDEFINED else f"{source!r} is not a list"
                self._add("array-path-unresolved", path, reason)

    def _missing(self, step: Source, source: str) -> str:
        key = source.split(".")[0]
        writers = [name for name in self._order if key in (f"{name}Input", f"{name}Output")]
        way = graph.way_around(self._document.start, step.name, writers[0] if writers else "", self._document.following)
        shown = f" on the way {' -> '.join(way)}" if way else ""
        return f"there is nothing at {source!r}{shown}"[:500]

    def _add(self, code: str, path: str, message: str) -> None:
        if self._optional:
            self._report.add(code, path, message)
        else:
            self._report.add("optional-property-relied-on", path, RELIANCE + message)


class _Unknown:
    """Stands for data of which nothing is known: what a child workflow's step gives when it does not say."""


_UNKNOWN = _Unknown()


def _at(data: dict[str, Any], dotted: str) -> Any:
    """The value at a path, UNDEFINED if there is none, _UNKNOWN if that is not known."""
    keys = dotted.split(".")
    return _UNKNOWN if data.get(keys[0]) is _UNKNOWN else find(data, keys, Meter())
