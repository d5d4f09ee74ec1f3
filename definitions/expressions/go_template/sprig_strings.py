"""Sprig's functions on strings. Lengths and positions count bytes, as in Go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template import word_cases, words
from definitions.expressions.go_template.functions import Function, fn, pure
from definitions.expressions.go_template.printing import show
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.values import byte_length, byte_slice
from definitions.expressions.go_template.verbs import quote

#: What Go's unicode.IsSpace holds for space.
SPACES = "\t\n\v\f\r \x85\xa0\u1680"
SPACES += "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_NO_SPACES = dict.fromkeys(map(ord, SPACES))


def _repeat(run: Run, count: int, text: str) -> str:
    if count < 0:
        raise ExpressionError("strings: negative Repeat count")
    run.spend_text(count * len(text))
    return text * count


def _replace(run: Run, old: str, new: str, text: str) -> str:
    run.spend_text((text.count(old) if old else len(text) + 1) * len(new) + len(text))
    return text.replace(old, new)


def _indent(run: Run, spaces: int, text: str) -> str:
    pad = _repeat(run, spaces, " ")
    return pad + _replace(run, "\n", "\n" + pad, text)


def _substr(start: int, end: int, text: str) -> str:
    length = byte_length(text)
    if start < 0:
        low, high = 0, end
    else:
        low, high = start, length if end < 0 or end > length else end
    if not 0 <= low <= high <= length:
        raise ExpressionError(f"slice bounds out of range [{low}:{high}] with length {length}")
    return byte_slice(text, low, high)


def _trunc(count: int, text: str) -> str:
    length = byte_length(text)
    if count < 0 and length + count > 0:
        return byte_slice(text, length + count, None)
    return byte_slice(text, 0, count) if 0 <= count < length else text


def _abbrev(width: int, text: str) -> str:
    if width < 4 or byte_length(text) <= width:
        return text
    return byte_slice(text, 0, width - 3) + "..."


def _abbrev_both(left: int, right: int, text: str) -> str:
    length = byte_length(text)
    if right < 4 or (left > 0 and right < 7) or length <= right:
        return text
    left = min(left, length)
    left = min(left, max(left, 0) if length - left >= right - 3 else length - (right - 3))
    if left <= 4:
        return byte_slice(text, 0, right - 3) + "..."
    if left + right - 3 < length:
        return "..." + _abbrev(right - 3, byte_slice(text, left, None))
    return "..." + byte_slice(text, length - (right - 3), None)


def _quote(run: Run, *values: Any) -> str:
    texts = [show(run, value) for value in values if value is not None]
    run.spend(sum(map(len, texts)) >> 2)
    return " ".join(map(quote, texts))


def _squote(run: Run, *values: Any) -> str:
    return " ".join(f"'{show(run, value)}'" for value in values if value is not None)


def _cat(run: Run, *values: Any) -> str:
    return " ".join(show(run, value) for value in values if value is not None)


def _wrap(run: Run, width: int, newline: str, text: str, cut: bool) -> str:
    # Bytes are counted in Go; here characters, so that none is cut through.
    run.spend_text((len(text) + 1) * (len(newline) + 1) if cut and width < 16 else 2 * len(text) + len(newline))
    run.spend(len(text) // max(width, 1))
    return words.wrap(text, max(width, 1), newline or "\n", cut)


def _split(run: Run, separator: str, text: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    parts = text.split(separator, count - 1 if count > 0 else -1) if separator else _explode(text, count)
    run.spend(len(parts) >> 2)
    return parts


def _explode(text: str, count: int) -> list[str]:
    return [*text[: count - 1], text[count - 1 :]] if 0 < count < len(text) else list(text)


def _numbered(parts: list[str]) -> dict[str, str]:
    return {f"_{index}": part for index, part in enumerate(parts)}


def strings(run: Run, value: Any) -> list[str]:
    """The items of a list as text, without nil; of anything else, a list of its text alone."""
    if isinstance(value, list):
        run.spend(len(value) >> 1)
        return [show(run, item) for item in value if item is not None]
    return [] if value is None else [show(run, value)]


def _join(run: Run, separator: str, value: Any) -> str:
    parts = strings(run, value)
    run.spend_text(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def _each(compute: Callable[[str], str]) -> Function:
    """A function that looks at each character, which costs more."""

    def charged(run: Run, text: str) -> str:
        run.spend(len(text) >> 1)
        return compute(text)

    return fn("s", charged)


def _suffixless(suffix: str, text: str) -> str:
    return text[: len(text) - len(suffix)] if suffix and text.endswith(suffix) else text


STRINGS: dict[str, Function] = {
    "abbrev": pure("is", _abbrev),
    "abbrevboth": pure("iis", _abbrev_both),
    "trunc": pure("is", _trunc),
    "trim": pure("s", lambda text: text.strip(SPACES)),
    "upper": _each(words.upper),
    "lower": _each(words.lower),
    "title": _each(words.title),
    "untitle": _each(words.untitle),
    "substr": pure("iis", _substr),
    "repeat": fn("is", _repeat),
    "trimall": pure("ss", lambda cut, text: text.strip(cut) if cut else text),
    "trimAll": pure("ss", lambda cut, text: text.strip(cut) if cut else text),
    "trimSuffix": pure("ss", _suffixless),
    "trimPrefix": pure("ss", lambda prefix, text: text[len(prefix) :] if text.startswith(prefix) else text),
    "nospace": pure("s", lambda text: text.translate(_NO_SPACES)),
    "initials": _each(words.initials),
    "swapcase": _each(words.swap_case),
    "snakecase": _each(lambda text: word_cases.separated(text, "_")),
    "kebabcase": _each(lambda text: word_cases.separated(text, "-")),
    "camelcase": _each(words.camel_case),
    "wrap": fn("is", lambda run, width, text: _wrap(run, width, "\n", text, False)),
    "wrapWith": fn("iss", lambda run, width, newline, text: _wrap(run, width, newline, text, True)),
    "contains": pure("ss", lambda part, text: part in text),
    "hasPrefix": pure("ss", lambda part, text: text.startswith(part)),
    "hasSuffix": pure("ss", lambda part, text: text.endswith(part)),
    "quote": fn("a*", _quote),
    "squote": fn("a*", _squote),
    "cat": fn("a*", _cat),
    "indent": fn("is", _indent),
    "nindent": fn("is", lambda run, spaces, text: "\n" + _indent(run, spaces, text)),
    "replace": fn("sss", _replace),
    "plural": pure("ssi", lambda one, many, count: one if count == 1 else many),
    "toString": fn("a", show),
    "toStrings": fn("a", strings),
    "join": fn("sa", _join),
    "sortAlpha": fn("a", lambda run, value: sorted(strings(run, value))),
    "split": fn("ss", lambda run, separator, text: _numbered(_split(run, separator, text))),
    "splitn": fn("sis", lambda run, separator, count, text: _numbered(_split(run, separator, text, count))),
    "splitList": fn("ss", _split),
    "hello": pure("", lambda: "Hello!"),
}
