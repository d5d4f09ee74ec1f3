"""Sprig's random functions. They draw on the seed that the workflow supplies as `$seed` in its scope, so that a
template gives the same values whenever it is run again."""

from __future__ import annotations

import base64
import string
import uuid

from definitions.errors import ExpressionError
from definitions.expressions.go_template.functions import Function, fn
from definitions.expressions.go_template.run import Run

_LIMIT = 10_000


def _text(alphabet: str) -> Function:
    def compute(run: Run, count: int) -> str:
        if not 0 <= count <= _LIMIT:
            raise ExpressionError(f"expected a count of 0 to {_LIMIT}")
        # Two bytes for each character: the bias is below a quarter of a percent.
        drawn = run.draw(2 * count)
        return "".join(
            alphabet[int.from_bytes(drawn[at : at + 2], "big") % len(alphabet)] for at in range(0, 2 * count, 2)
        )

    return fn("i", compute)


def _uuid(run: Run) -> str:
    return str(uuid.UUID(bytes=run.draw(16), version=4))


def _below(run: Run, limit: int) -> int:
    return int.from_bytes(run.draw(16), "big") % limit


def _integer(run: Run, low: int, high: int) -> int:
    if high <= low:
        raise ExpressionError("invalid argument to Intn")
    return low + _below(run, high - low)


def _shuffle(run: Run, text: str) -> str:
    run.spend(len(text))
    characters = list(text)
    for at in range(len(characters) - 1, 0, -1):
        other = _below(run, at + 1)
        characters[at], characters[other] = characters[other], characters[at]
    return "".join(characters)


def _bytes(run: Run, count: int) -> str:
    if not 0 <= count <= _LIMIT:
        raise ExpressionError(f"expected a count of 0 to {_LIMIT}")
    return base64.b64encode(run.draw(count)).decode()


RANDOM: dict[str, Function] = {
    "uuidv4": fn("", _uuid),
    "randAlphaNum": _text(string.ascii_letters + string.digits),
    "randAlpha": _text(string.ascii_letters),
    "randNumeric": _text(string.digits),
    "randAscii": _text("".join(map(chr, range(32, 127)))),
    "randInt": fn("ii", _integer),
    "randBytes": fn("i", _bytes),
    "shuffle": fn("s", _shuffle),
}
