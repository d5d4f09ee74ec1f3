"""Sprig's functions that encode and hash, and those on paths and URLs.

Where sprig puts the text of an error in place of the value (`b64dec`), there is an error.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from definitions.errors import ExpressionError
from definitions.expressions.go_template.functions import Function, pure
from definitions.expressions.go_template.values import from_utf8, kind, utf8


def _base64_decode(text: str) -> str:
    return from_utf8(base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True))


def _base32_decode(text: str) -> str:
    return from_utf8(base64.b32decode(text.replace("\r", "").replace("\n", "")))


def _hash(digest: Callable[[bytes], Any]) -> Function:
    return pure("s", lambda text: digest(utf8(text)).hexdigest())


def _clean(path: str) -> str:
    cleaned = posixpath.normpath(path) if path else "."
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _base(path: str) -> str:
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def _directory(path: str) -> str:
    return _clean(path[: path.rfind("/") + 1])


def _extension(path: str) -> str:
    name = path[path.rfind("/") + 1 :]
    return name[name.rfind(".") :] if "." in name else ""


def _decoded(text: str) -> str:
    for index, char in enumerate(text):
        if char == "%" and not _is_hex(text[index + 1 : index + 3]):
            raise ExpressionError(f"unable to parse url: invalid URL escape {text[index : index + 3]!r}")
    return from_utf8(unquote_to_bytes(text))


def _is_hex(text: str) -> bool:
    return len(text) == 2 and not set(text) - set("0123456789abcdefABCDEF")


def _scheme(url: str) -> tuple[str, str]:
    head, colon, rest = url.partition(":")
    if not colon or not (head[:1].isascii() and head[:1].isalpha()):
        if url.startswith(":"):
            raise ExpressionError("unable to parse url: missing protocol scheme")
        return "", url
    if head.isascii() and all(char.isalnum() or char in "+-." for char in head):
        return head.lower(), rest
    return "", url


def _parse_url(url: str) -> dict[str, Any]:
    if any(ord(char) < 0x20 or char == "\x7f" for char in url):
        raise ExpressionError("unable to parse url: invalid control character in URL")
    rest, _, fragment = url.partition("#")
    scheme, rest = _scheme(rest)
    rest, _, query = rest.partition("?")
    parsed = {"scheme": scheme, "host": "", "hostname": "", "path": "", "query": query, "opaque": "", "userinfo": ""}
    parsed["fragment"] = _decoded(fragment)
    if not rest.startswith("/") and scheme:
        return parsed | {"opaque": rest}
    if not scheme and ":" in rest.partition("/")[0]:
        raise ExpressionError("unable to parse url: first path segment in URL cannot contain colon")
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        parsed |= _authority(authority)
        rest = slash + path
    return parsed | {"path": _decoded(rest)}


def _authority(authority: str) -> dict[str, str]:
    userinfo, _, host = authority.rpartition("@")
    hostname, colon, port = host.rpartition(":")
    if host.startswith("["):
        closing = host.find("]")
        hostname, colon, port = host[1:closing], host[closing + 1 : closing + 2], host[closing + 2 :]
    if colon and port and not (port.isascii() and port.isdigit()):
        raise ExpressionError(f"unable to parse url: invalid port {':' + port[:20]!r} after host")
    if " " in host or " " in userinfo:
        raise ExpressionError("unable to parse url: invalid character in host name")
    return {"userinfo": userinfo, "host": _decoded(host), "hostname": hostname if colon else host.strip("[]")}


def _join_url(parts: dict[str, Any]) -> str:
    for key in ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo"):
        if not isinstance(parts.get(key, ""), str):
            raise ExpressionError(f"unable to parse {key} key, must be of type string, but {kind(parts[key])} found")
    scheme, host, path = parts.get("scheme", ""), parts.get("host", ""), parts.get("path", "")
    userinfo = parts.get("userinfo", "")
    out = f"{scheme}:" if scheme else ""
    if parts.get("opaque"):
        out += parts["opaque"]
    else:
        if scheme or host or userinfo:
            out += ("//" if host or path or userinfo else "") + (f"{userinfo}@" if userinfo else "") + host
        if path and not path.startswith("/") and host:
            out += "/"
        out += quote(utf8(path), safe="/!$&'()*+,;=:@-._~")
    if parts.get("query"):
        out += f"?{parts['query']}"
    fragment = parts.get("fragment", "")
    return f"{out}#{quote(utf8(fragment), safe='/!$&()*+,;=:@?-._~')}" if fragment else out


_PATHS: dict[str, Function] = {
    "base": pure("s", _base),
    "dir": pure("s", _directory),
    "ext": pure("s", _extension),
    "clean": pure("s", _clean),
    "isAbs": pure("s", lambda path: path.startswith("/")),
}

ENCODING: dict[str, Function] = {
    **_PATHS,
    **{f"os{name[0].upper()}{name[1:]}": function for name, function in _PATHS.items()},
    "b64enc": pure("s", lambda text: base64.b64encode(utf8(text)).decode()),
    "b64dec": pure("s", _base64_decode),
    "b32enc": pure("s", lambda text: base64.b32encode(utf8(text)).decode()),
    "b32dec": pure("s", _base32_decode),
    "sha1sum": _hash(hashlib.sha1),
    "sha256sum": _hash(hashlib.sha256),
    "sha512sum": _hash(hashlib.sha512),
    "md5sum": _hash(hashlib.md5),
    "adler32sum": pure("s", lambda text: str(zlib.adler32(utf8(text)))),
    "urlParse": pure("s", _parse_url),
    "urlJoin": pure("m", _join_url),
}
