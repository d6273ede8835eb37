"""Carries what a view asks to the control socket, by the list that LuCI's backend has, too.

A view speaks LuCI's form of JSON-RPC: a list of calls ``[session, object, method, parameters]``.
What is not on the list is refused here, before the daemon hears of it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dusk.errors import Refused, UntrustedInput
from dusk.web.views import APPLICATION

OBJECT = "luci.dusk"
CALLS_MAX = 64
"""In one request: those of one turn of a view."""
_OK, _INVALID_ARGUMENT, _NO_METHOD = 0, 2, 3
"""Codes of ubus."""

Json = dict[str, Any]
Call = Callable[[str, Json], Any]
"""Calls a method of the control socket with parameters; raises `Refused`."""


@dataclass(frozen=True, slots=True)
class Method:
    """What a view may call.

    Attributes:
        control: the method of the control socket.
        args: parameter → a value of its kind.
    """

    control: str
    args: Mapping[str, Any]


def methods(application: Path = APPLICATION) -> dict[str, Method]:
    """Read the list of methods that the page has."""
    listed = json.loads((application / "root/usr/share/dusk/page-methods.json").read_text())
    return {name: Method(row["control"], row["args"]) for name, row in listed.items()}


class BadRequest(UntrustedInput):
    """What came is no list of calls."""


def answer(body: bytes, known: Mapping[str, Method], call: Call) -> bytes:
    """Carry out a request and return the answer's bytes.

    Args:
        body: one call or a list of calls, in LuCI's form.
        known: what may be called.
        call: asks the daemon.

    Raises:
        BadRequest: it is none.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("not JSON") from error
    calls = asked if isinstance(asked, list) else [asked]
    if not 0 < len(calls) <= CALLS_MAX:
        raise BadRequest("no calls, or too many")
    answers = [_answer_one(_read(one), known, call) for one in calls]
    said = answers if isinstance(asked, list) else answers[0]
    return as_json(said)


def as_json(what: object) -> bytes:
    """Return a JSON document without blanks."""
    return json.dumps(what, ensure_ascii=False, separators=(",", ":")).encode()


def _read(one: object) -> tuple[int, str, str, Json]:
    match one:
        case {
            "jsonrpc": "2.0",
            "id": int(number),
            "method": "call",
            "params": [str(), str(object_), str(method), dict(args)],
        }:
            return number, object_, method, args
    raise BadRequest("not a call")


def _answer_one(one: tuple[int, str, str, Json], known: Mapping[str, Method], call: Call) -> Json:
    number, object_, name, args = one
    method = known.get(name) if object_ == OBJECT else None
    if method is None:
        result: list[Any] = [_NO_METHOD]
    elif not all(key in method.args and _is_alike(value, method.args[key]) for key, value in args.items()):
        result = [_INVALID_ARGUMENT]
    else:
        result = [_OK, _said(method, args, call)]
    return {"jsonrpc": "2.0", "id": number, "result": result}


def _is_alike(value: object, example: object) -> bool:
    """Tell whether a value is of the kind that the list shows, as rpcd does."""
    if isinstance(example, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(example, bool)
    if isinstance(example, int):
        return isinstance(value, int)
    return isinstance(value, type(example))


def _said(method: Method, args: Json, call: Call) -> Json:
    try:
        return {"result": call(method.control, args)}
    except Refused as error:
        return {"error": {"code": error.code, "message": str(error)}}
