"""Pipelines, as closures over a run, a frame of variables and dot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template import time_methods
from definitions.expressions.go_template.functions import Function, converted
from definitions.expressions.go_template.nodes import Chain, Dot, Field, Literal, Name, Nil, Operand, Pipe, Variable
from definitions.expressions.go_template.problems import Origin
from definitions.expressions.go_template.run import TEXT_LIMIT, Evaluator, Frame, Run
from definitions.expressions.go_template.values import truth, type_name

#: A later command of a pipeline also takes the value of the one before.
Stage = Callable[[Run, Frame, Any, Any], Any]
_NONE: Any = object()


class Pipelines:
    """Compiles the pipelines of one template text."""

    def __init__(self, origin: Origin, functions: Mapping[str, Function]) -> None:
        self.origin = origin
        self.functions = functions

    def fault(self, message: str, offset: int, path: str = "$") -> ExpressionError:
        place = f"{self.origin.place}: " if self.origin.place else ""
        return ExpressionError(f"{place}{self.origin.at(offset)}: {message}", path)

    def pipe(self, pipe: Pipe) -> Evaluator:
        """Gives the value, which its variables take too."""
        first = self.command(pipe.commands[0])
        stages = [self.stage(command) for command in pipe.commands[1:]]
        slots = pipe.slots
        if not stages and not slots:
            return first

        def evaluate(run: Run, frame: Frame, dot: Any) -> Any:
            value = first(run, frame, dot)
            for stage in stages:
                value = stage(run, frame, dot, value)
            for slot in slots:
                frame[slot] = value
            return value

        return evaluate

    def command(self, operands: tuple[Operand, ...]) -> Evaluator:
        if len(operands) == 1 and not isinstance(operands[0], Name):
            return self.operand(operands[0])
        stage = self.stage(operands, piped=False)
        return lambda run, frame, dot: stage(run, frame, dot, _NONE)

    def stage(self, operands: tuple[Operand, ...], piped: bool = True) -> Stage:
        first = operands[0]
        if isinstance(first, Name):
            return self.call(first, operands[1:], piped)
        if isinstance(first, (Field, Variable, Chain)):
            return self.method(first, operands[1:])
        raise self.origin.refuse("can't give argument to non-function", first.offset)

    def operand(self, node: Operand) -> Evaluator:
        if isinstance(node, Literal):
            value = node.value
            return lambda run, frame, dot: value
        if isinstance(node, Nil):
            return lambda run, frame, dot: None
        if isinstance(node, Dot):
            return lambda run, frame, dot: dot
        if isinstance(node, Field):
            return self.fields(lambda run, frame, dot: dot, node.keys, node.offset, "$.")
        if isinstance(node, Variable):
            slot = node.slot
            return self.fields(lambda run, frame, dot: frame[slot], node.keys, node.offset, "" if slot else "$.")
        if isinstance(node, Chain):
            return self.fields(self.operand(node.base), node.keys, node.offset, "")
        return self.pipe(node) if isinstance(node, Pipe) else self.command((node,))

    def fields(self, base: Evaluator, keys: tuple[str, ...], offset: int, root: str) -> Evaluator:
        """`root` is where the base is in the data, for errors; empty if that is not plain."""
        if not keys:
            return base
        dotted = ".".join(keys)

        def evaluate(run: Run, frame: Frame, dot: Any) -> Any:
            value = base(run, frame, dot)
            run.meter.spend(len(keys))
            for key in keys:
                try:
                    value = value[key] if type(value) is dict and key in value else field(run, value, key)
                except ExpressionError as error:
                    where = root + dotted if root else "$"
                    raise self.fault(f"{error.message} (in .{dotted})", offset, where) from None
            return value

        return evaluate

    def method(self, node: Field | Variable | Chain, arguments: tuple[Operand, ...]) -> Stage:
        """Arguments after a field: only times have methods that take any."""
        if isinstance(node, Field):
            base: Operand = Field(node.keys[:-1], node.offset)
        elif isinstance(node, Variable):
            base = Variable(node.slot, node.keys[:-1], node.offset)
        else:
            base = Chain(node.base, node.keys[:-1], node.offset)
        receiver, name = self.operand(base), node.keys[-1]
        given = [self.operand(argument) for argument in arguments]

        def evaluate(run: Run, frame: Frame, dot: Any, final: Any) -> Any:
            values = [argument(run, frame, dot) for argument in given]
            values += [] if final is _NONE else [final]
            value = receiver(run, frame, dot)
            if not isinstance(value, datetime):
                raise self.fault(f"{name} is not a method but has arguments", node.offset)
            try:
                return time_methods.call(run, value, name, values)
            except ExpressionError as error:
                raise self.fault(f"error calling {name}: {error.message}", node.offset) from error

        return evaluate

    def call(self, node: Name, operands: tuple[Operand, ...], piped: bool) -> Stage:
        function = self.functions[node.name]
        fault = function.count_fault(node.name, len(operands) + piped)
        if fault:
            raise self.origin.refuse(fault, node.offset)
        arguments = [self.operand(operand) for operand in operands]
        if node.name in ("and", "or"):
            return _short_circuit(arguments, node.name == "or")
        letters = [function.letter(index) for index in range(len(operands) + piped)]
        compute, name = function.compute, node.name

        def evaluate(run: Run, frame: Frame, dot: Any, final: Any) -> Any:
            values = [argument(run, frame, dot) for argument in arguments]
            if final is not _NONE:
                values.append(final)
            try:
                values = list(map(converted, values, letters))
                run.meter.spend(1 + _size(values))
                result = compute(run, *values)
                if type(result) is str and len(result) > TEXT_LIMIT:
                    raise ExpressionError(f"the text would have more than {TEXT_LIMIT} characters")
                run.meter.spend(_size((result,)))
                return result
            except (ExpressionError, ValueError, ArithmeticError) as error:
                message = error.message if isinstance(error, ExpressionError) else str(error)
                raise self.fault(f"error calling {name}: {message}", node.offset) from error

        return evaluate


def _size(values: Any) -> int:
    return sum(len(value) >> 4 for value in values if type(value) in (str, list, dict))


def _short_circuit(arguments: list[Evaluator], stop: bool) -> Stage:
    def evaluate(run: Run, frame: Frame, dot: Any, final: Any) -> Any:
        run.meter.spend()
        value: Any = None
        for argument in arguments:
            value = argument(run, frame, dot)
            if truth(value) is stop:
                return value
        return value if final is _NONE else final

    return evaluate


def field(run: Run, value: Any, key: str) -> Any:
    """The entry of a map, or of a time what a method without arguments gives. Raises ExpressionError."""
    if isinstance(value, Mapping):
        found = entry(run, value, key)
        if found is None:
            raise ExpressionError(f'map has no entry for key "{key[:80]}"')
        return value[found]
    if value is None:
        raise ExpressionError(f'nil data; no entry for key "{key[:80]}"')
    if isinstance(value, datetime):
        return time_methods.call(run, value, key, [])
    raise ExpressionError(f"can't evaluate field {key[:80]} in type {type_name(value)}")


def entry(run: Run, value: Mapping[str, Any], key: str) -> str | None:
    """The key itself if the map has it; with aliases, also the one with all its hyphens or all its underscores turned
    into the other. Raises ExpressionError if two of these are there."""
    if key in value:
        return key
    if not run.aliases:
        return None
    others = [other for other in {key.replace("-", "_"): 0, key.replace("_", "-"): 0} if other in value]
    if len(others) > 1:
        raise ExpressionError(f'the key "{key[:80]}" could be {others[0][:80]!r} or {others[1][:80]!r}')
    return others[0] if others else None
