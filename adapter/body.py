"""JSON bodies, read from the raw bytes whatever the Content-Type says.

Refused, each as RequestInvalid with a clear reason: what is no JSON, no UTF-8, NaN and infinite numbers, lone
surrogates (which no later UTF-8 writer could write) and nesting beyond `MAX_DEPTH`. Of a repeated key the last
one counts. The size is bounded before this, by `adapter.limits`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from adapter.failures import RequestInvalid

#: Levels of objects and lists. Far above any real document, far below what recursion anywhere could not take.
MAX_DEPTH = 100

#: Kind of a problem -> its text, where the library's own speaks of Python.
_WORDING = {"dict_type": "must be an object", "list_type": "must be a list", "model_type": "must be an object"}

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_Model = TypeVar("_Model", bound=BaseModel)


async def json_body(request: Request) -> Any:
    """The request's JSON value. Raises RequestInvalid, TooLarge."""
    return parse_json(await request.body())


async def json_object(request: Request, *, may_be_empty: bool = False) -> dict[str, Any]:
    """The request's JSON object; with `may_be_empty`, no body at all is `{}`. Raises RequestInvalid, TooLarge."""
    raw = await request.body()
    if may_be_empty and not raw.strip():
        return {}
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise RequestInvalid("the body must be a JSON object", {"$": "must be an object"})
    return value


async def json_model(request: Request, model: type[_Model], *, may_be_empty: bool = False) -> _Model:
    """The request's JSON object as a wire model. Raises RequestInvalid with one field per problem, TooLarge."""
    value = await json_object(request, may_be_empty=may_be_empty)
    try:
        return model.model_validate(value)
    except ValidationError as invalid:
        raise invalid_fields(invalid.errors(include_url=False, include_input=False)) from None


def invalid_fields(details: Iterable[Mapping[str, Any]]) -> RequestInvalid:
    """One error out of pydantic's list: JSON paths, no input values (which may be secrets)."""
    fields = {json_path(detail["loc"]): _text(detail) for detail in details}
    return RequestInvalid("; ".join(f"{path}: {text}" for path, text in fields.items()), fields)


def _text(detail: Mapping[str, Any]) -> str:
    return _WORDING.get(detail.get("type", ""), str(detail["msg"]).removeprefix("Value error, "))


def json_path(location: tuple[int | str, ...]) -> str:
    """`("steps", 0, "name")` as `$.steps[0].name`."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def parse_json(raw: bytes) -> Any:
    """The JSON value of a text in UTF-8. Raises RequestInvalid."""
    if not raw.strip():
        raise RequestInvalid("the body is empty; JSON is required")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestInvalid(f"the body is not UTF-8 at byte {error.start}") from None
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise RequestInvalid(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # an integer of more digits than Python converts
        raise RequestInvalid("the body holds a number that is too long") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise _too_deep()
    if _SURROGATE.search(text):
        _refuse_lone_surrogates(value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise RequestInvalid(f"the body is not JSON: {name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise RequestInvalid("the body holds a number that is too large")
    return number


def _too_deep() -> RequestInvalid:
    return RequestInvalid(f"the body is nested deeper than {MAX_DEPTH} levels")


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> list[Any]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [child for child in inner if isinstance(child, dict | list)]


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise RequestInvalid("the body holds a lone surrogate, which is no character") from None
