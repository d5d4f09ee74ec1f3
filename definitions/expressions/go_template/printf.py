"""printf: Go's verbs, flags, widths and precisions, and its marks for what does not fit (`%!d(string=a)`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template import verbs
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.values import VALUE_DEPTH, sorted_items, type_name
from definitions.expressions.go_template.verbs import Format

_TOO_LARGE = 1_000_000


@dataclass
class _Scan:
    """Where the format and its arguments are read."""

    text: str
    values: Sequence[Any]
    at: int = 0
    argument: int = 0
    reordered: bool = False
    good: bool = True
    parts: list[str] = field(default_factory=list)


def sprintf(run: Run, text: str, values: Sequence[Any]) -> str:
    """The formatted text. Raises ExpressionError for a width or precision that is not to be afforded."""
    scan = _Scan(text, values)
    while (start := text.find("%", scan.at)) >= 0:
        scan.parts.append(text[scan.at : start])
        scan.at = start + 1
        run.spend(1)
        _directive(run, scan)
    scan.parts.append(text[scan.at :])
    if not scan.reordered and scan.argument < len(values):
        extra = (_typed(run, value) for value in values[scan.argument :])
        scan.parts.append(f"%!(EXTRA {', '.join(extra)})")
    return "".join(scan.parts)


def _typed(run: Run, value: Any) -> str:
    return "<nil>" if value is None else f"{type_name(value)}={render(run, value, 'v', Format())}"


def _directive(run: Run, scan: _Scan) -> None:
    text = scan.text
    start = scan.at
    while text[scan.at : scan.at + 1] in tuple("+-# 0"):
        scan.at += 1
    flags = text[start : scan.at]
    names = {"+": "plus", "-": "minus", "#": "sharp", " ": "space", "0": "zero"}
    form = Format(**{name: flag in flags for flag, name in names.items()})
    form = replace(form, zero=form.zero and not form.minus)
    scan.good = True
    _index(scan)
    form = _width(scan, form)
    form = _precision(scan, form)
    _index(scan)
    verb = text[scan.at : scan.at + 1]
    scan.at += 1
    if verb == "v":
        form = replace(form, go=form.sharp, sharp=False, plus=False)
    run.spend_text((form.width or 0) + (form.precision or 0))
    scan.parts.append(_verb(run, scan, verb, form))


def _verb(run: Run, scan: _Scan, verb: str, form: Format) -> str:
    if not verb:
        return "%!(NOVERB)"
    if verb == "%":
        return "%"
    if not scan.good:
        return f"%!{verb}(BADINDEX)"
    if scan.argument >= len(scan.values):
        return f"%!{verb}(MISSING)"
    scan.argument += 1
    return render(run, scan.values[scan.argument - 1], verb, form)


def _index(scan: _Scan) -> None:
    """`[3]` before a verb or a star: the number of the argument to take."""
    if scan.text[scan.at : scan.at + 1] != "[":
        return
    end = scan.text.find("]", scan.at)
    digits = scan.text[scan.at + 1 : end] if end >= 0 else ""
    scan.reordered = True
    scan.at = end + 1 if end >= 0 else scan.at + 1
    if digits.isascii() and digits.isdigit() and len(digits) < 8 and 1 <= int(digits) <= len(scan.values):
        scan.argument = int(digits) - 1
    else:
        scan.good = False


def _star(scan: _Scan) -> int | None:
    """The number that a `*` stands for; None if there is none."""
    scan.at += 1
    value = scan.values[scan.argument] if scan.argument < len(scan.values) else None
    scan.argument += 1
    return value if type(value) is int and -_TOO_LARGE <= value <= _TOO_LARGE else None


def _digits(scan: _Scan) -> int | None:
    start = scan.at
    while "0" <= scan.text[scan.at : scan.at + 1] <= "9":
        scan.at += 1
    digits = scan.text[start : scan.at]
    return int(digits) if digits and len(digits) < 10 else _TOO_LARGE + 1 if digits else None


def _width(scan: _Scan, form: Format) -> Format:
    if scan.text[scan.at : scan.at + 1] == "*":
        width = _star(scan)
        if width is None:
            scan.parts.append("%!(BADWIDTH)")
            return form
        if width < 0:
            return replace(form, width=-width, minus=True, zero=False)
        return replace(form, width=width)
    width = _digits(scan)
    if width is not None and width > _TOO_LARGE:
        raise ExpressionError("the width is too large")
    return replace(form, width=width)


def _precision(scan: _Scan, form: Format) -> Format:
    if scan.text[scan.at : scan.at + 1] != ".":
        return form
    scan.at += 1
    _index(scan)
    if scan.text[scan.at : scan.at + 1] == "*":
        precision = _star(scan)
        if precision is None or precision < 0:
            scan.parts.append("%!(BADPREC)")
            return form
        return replace(form, precision=precision)
    precision = _digits(scan) or 0
    if precision > 1000:
        raise ExpressionError("the precision is too large")
    return replace(form, precision=precision)


def render(run: Run, value: Any, verb: str, form: Format, depth: int = 0) -> str:
    """One value by one verb; the items of a list or object each by that verb. Raises ExpressionError."""
    run.spend_text((form.width or 0) + 16)
    if depth > VALUE_DEPTH:
        raise ExpressionError(f"the value is nested more than {VALUE_DEPTH} deep")
    if verb == "T" and not depth:
        return verbs.scalar(type_name(value), "s", form) or ""
    if isinstance(value, list):
        items = [render(run, item, verb, form, depth + 1) for item in value]
        return f"[]interface {{}}{{{', '.join(items)}}}" if form.go else f"[{' '.join(items)}]"
    if isinstance(value, dict):
        pairs = [
            f"{render(run, key, verb, form, depth + 1)}:{render(run, item, verb, form, depth + 1)}"
            for key, item in sorted_items(value)
        ]
        return f"map[string]interface {{}}{{{', '.join(pairs)}}}" if form.go else f"map[{' '.join(pairs)}]"
    if value is None:
        return _nil(verb, form, depth)
    if isinstance(value, str) and (form.go or verb == "q"):
        run.spend(len(value) >> 2)
    text = verbs.scalar(value, verb, form)
    if text is None:
        text = f"%!{verb}({type_name(value)}={verbs.scalar(value, 'v', form)})"
    run.spend_text(len(text))
    return text


def _nil(verb: str, form: Format, depth: int) -> str:
    if depth:
        return "interface {}(nil)" if form.go else "<nil>"
    return verbs.padded("<nil>", form) if verb == "v" else f"%!{verb}(<nil>)"
