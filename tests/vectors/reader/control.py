"""Lines of the control socket: which calls are refused, and the shape of answers (control-api.md)."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.vectors.reader.control_methods import (
    EXPECTED,
    FLAGS,
    HEX,
    LONG,
    METHODS,
    NUMBERS,
    ROWS,
    SPECIAL,
    TEXTS,
    WORDS,
)
from tests.vectors.reader.control_told import Conversation
from tests.vectors.reader.packing import Refused, need

CODES = {"parse-error": -32700, "invalid-request": -32600, "no-method": -32601, "internal": -32603}
TO_SIGN = {
    "change": {"kind", "cluster", "author", "device", "counter", "message", "edits"},
    "signature": {"kind", "change"},
}
TO_WRITE = {"section", "key", "data", "base", "salt"}


def _is_number(value: object, least: float, most: float) -> bool:
    return type(value) is int and least <= value <= most


def _is_texts(value: object, most: int, length: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= most
        and all(isinstance(one, str) and len(one) <= length for one in value)
    )


def _is_rows(name: str, value: object) -> bool:
    if not isinstance(value, list) or not 1 <= len(value) <= 1_024:
        return False
    return all(
        isinstance(row, dict)
        and set(row) == ROWS[name]
        and _is_texts([row.get("key", row.get("name", row.get("fact")))], 1, 512)
        and _is_texts(row["values"], 1_024, 131_072)
        for row in value
    )


def _is_expected(row: object) -> bool:
    if not isinstance(row, dict) or set(row) != EXPECTED or not isinstance(row["variables"], dict):
        return False
    given = [[one] if isinstance(one, str) else one for one in row["variables"].values()]
    return (
        _is_texts([row["label"], row["name"]], 2, 255)
        and _is_texts(row["groups"], 1_024, 255)
        and len(given) <= 64
        and all(_is_texts(one, 1_024, 65_536) for one in given)
    )


def _fits(method: str, name: str, value: object) -> bool:
    bounds = NUMBERS.get((method, name), NUMBERS.get(name))
    if bounds is not None:
        return _is_number(value, *bounds)
    if name == "timeout_s":
        return type(value) in {int, float} and isinstance(value, int | float) and 0 <= value <= 3_600
    if name in FLAGS:
        return isinstance(value, bool)
    if name in ROWS:
        return _is_rows(name, value)
    if name in HEX:
        return isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{HEX[name]}}}", value) is not None
    if (method, name) == ("device.expect", "devices"):
        return isinstance(value, list) and 1 <= len(value) <= 1_024 and all(map(_is_expected, value))
    if name in TEXTS:
        return _is_texts(value, 1_024, LONG.get(name, 255))
    length = SPECIAL.get((method, name), LONG.get(name, 255))
    return isinstance(value, str) and len(value) <= length and value in WORDS.get(name, (value,))


def _request(line: bytes) -> tuple[Any, str, dict[str, Any]]:
    try:
        asked = json.loads(line.decode())
    except ValueError:
        raise Refused("parse-error") from None
    word = "invalid-request"
    need(isinstance(asked, dict), word)
    need(asked.get("jsonrpc") == "2.0" and type(asked.get("id")) in {int, str}, word)
    need(isinstance(asked.get("method"), str) and isinstance(asked.get("params", {}), dict), word)
    return asked["id"], asked["method"], asked.get("params", {})


def call(line: bytes, conversation: Conversation) -> tuple[Any, str, dict[str, Any]]:
    """Read a line: the id, the method and its parameters; or refuse it."""
    number, method, params = _request(line)
    need(method in METHODS, "no-method")
    about = METHODS[method]
    wanted = about.wanted
    given = {name: value for name, value in params.items() if value is not None}
    need(set(params) <= set(wanted), "bad-params")
    need(all(name in given or has_default for name, has_default in wanted.items()), "bad-params")
    need(all(_fits(method, name, value) for name, value in given.items()), "bad-params")
    conversation.refuse(method, given, signs=about.signs)
    return number, method, given


def _has_fields(row: object, fields: str, more: str = "") -> bool:
    return isinstance(row, dict) and set(fields.split()) <= set(row) <= set(f"{fields} {more}".split())


def is_answer(answer: dict[str, Any], number: Any, method: str) -> bool:
    """Whether this is a result of the method, with the fields that the page names."""
    if set(answer) != {"jsonrpc", "id", "result"} or (answer["jsonrpc"], answer["id"]) != ("2.0", number):
        return False
    result = answer["result"]
    about = METHODS[method]
    return _has_fields(result, about.result, about.more) and all(
        _has_fields(row, fields)
        for name, value in result.items()
        if isinstance(value, list) and (fields := _fields_of(about.rows, name))
        for row in value
        if isinstance(row, dict)
    )


def _fields_of(rows: str | Mapping[str, str], name: str) -> str:
    return rows if isinstance(rows, str) else rows.get(name, "")


def _is_to_sign(asked: object) -> bool:
    """Whether this says what is to be signed elsewhere."""
    return (
        isinstance(asked, dict)
        and set(asked) == TO_SIGN.get(asked["kind"])
        and all(set(edit) == TO_WRITE for edit in asked.get("edits", []))
    )


def is_refusal(answer: dict[str, Any], number: Any, word: str) -> bool:
    """Whether this is the answer that refuses with the word."""
    error = answer.get("error", {})
    data = dict(error.get("data", {}))
    asked = data.pop("to_sign", None)
    return (
        set(answer) == {"jsonrpc", "id", "error"}
        and (answer["jsonrpc"], answer["id"]) == ("2.0", number)
        and set(error) == {"code", "message", "data"}
        and error["code"] == CODES.get(word, -32000)
        and data == {"code": word}
        and (_is_to_sign(asked) if word == "to-sign" else asked is None)
        and "\n" not in error["message"]
    )
