"""Lines of the control socket: which calls are refused, and the shape of answers (control-api.md)."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.vectors.reader.packing import NUMBER_MAX, Refused, need

TOKEN = "token-alice"
CODES = {"parse-error": -32700, "invalid-request": -32600, "no-method": -32601, "internal": -32603}
LONG = {"line": 4_096, "password": 1_024, "text": 262_144, "message": 1_024, "key": 512}
SPECIAL = {("joinkey.create", "name"): 63} | {
    (f"role.{verb}", "line"): 16_384 for verb in ("read", "sign", "submit")
}
NUMBERS = {
    "uses": (1, 10_000),
    "expires_s": (0, 316_224_000),
    "priority": (0, 999),
    "count": (1, 200),
    "since": (0, NUMBER_MAX),
    "seq": (1, NUMBER_MAX),
}
WORDS = {
    "verb": ("set", "delete", "unset", "add-list", "del-list"),
    "to": ("all", "groups", "devices"),
    "rebind": ("ask", "auto", "never"),
    "take": ("A", "B"),
}
ROWS = {"edits": {"key", "values"}, "variables": {"name", "values"}}
TEXTS = ("names", "devices", "groups", "labels", "backups")
FLAGS = ("replace", "auto", "collect")

EDITING = "changed edits text notes"
DEVICE = "name id label groups role online head applied apply judged reason alarms seen_s_ago"
STATUS = (
    "cluster device name epoch head settled checkpoint store_bytes master members online"
    " apply alarms asks reason"
)
ENTRY = "seq time time_trusted kind author device outcome message hash epoch"
HOLDER = "name id place role online head behind awaited seen_s_ago frozen"
ROLE = "ticket hash text notes"
COLLECTED = "line hash leads succession signed missing message diff"
POLICY = "name settings to priority devices names"


@dataclass(frozen=True)
class Method:
    """Parameters (a trailing ? has a default), the fields of a result, of its rows, and those it may lack."""

    parameters: str
    result: str
    rows: str = ""
    more: str = ""


METHODS = {
    "status": Method("", "role", "", STATUS),
    "join": Method("line", ""),
    "session.login": Method("user password", "ticket"),
    "session.logout": Method("token", ""),
    "session.whoami": Method("token", "user key"),
    "ticket.poll": Method("ticket", "done progress", "", "result error"),
    "device.refresh": Method("", "ticket"),
    "device.list": Method("", "devices", DEVICE),
    "device.show": Method("name", f"{DEVICE} retired origin policies facts variables"),
    "joinkey.list": Method("", "joinkeys", "id state uses used mode expires groups labels rebind name"),
    "joinkey.create": Method(
        "token uses? expires_s? groups? auto? labels? rebind? name? timeout_s?", "ticket id"
    ),
    "draft.edit": Method("token target verb edits", EDITING),
    "draft.import": Method("token target text name? replace?", EDITING),
    "draft.show": Method("token", "edits operations text devices problems notes", "where item before after"),
    "draft.discard": Method("token", "discarded"),
    "draft.commit": Method("token message timeout_s?", "ticket hash notes"),
    "policy.list": Method("", "policies", POLICY),
    "policy.show": Method("name", f"{POLICY} options text", "key says"),
    "policy.delete": Method("token name", EDITING),
    "policy.rename": Method("token name new_name", EDITING),
    "policy.assign": Method("token name to names? priority?", EDITING),
    "policy.unassign": Method("token name", EDITING),
    "group.list": Method("", "groups", "name devices"),
    "group.show": Method("name", "name devices policies variables"),
    "group.create": Method("token name", EDITING),
    "group.delete": Method("token name", EDITING),
    "group.add": Method("token name devices", EDITING),
    "group.remove": Method("token name devices", EDITING),
    "var.list": Method("scope?", "variables", "scope name value"),
    "var.set": Method("token scope variables", EDITING),
    "var.unset": Method("token scope names", EDITING),
    "settings.export": Method("target", "target text"),
    "effective": Method("device key?", "device head options", "key verb value values origin"),
    "role.show": Method("", "leader epoch mandate head settled holders notes", HOLDER),
    "role.master": Method("token device timeout_s?", ROLE),
    "role.backups": Method("token devices timeout_s?", ROLE),
    "role.force": Method("token backups? collect? timeout_s?", "hash", "", f"{ROLE} {COLLECTED}"),
    "role.read": Method("line", COLLECTED),
    "role.sign": Method("token line", COLLECTED),
    "role.submit": Method("line timeout_s?", ROLE),
    "recovery.show": Method("", "cluster id device generation key owners"),
    "recovery.prepare": Method(
        "user public sealed following revoke? backups?",
        "cluster device counter edits leads revoked disabled",
        "section key data base",
    ),
    "recovery.submit": Method("line timeout_s?", "ticket hash"),
    "conflict.list": Method("", "conflicts", f"{ENTRY} id records"),
    "conflict.resolve": Method("token id take timeout_s?", "ticket hash text"),
    "log.list": Method("count? since?", "head compacted entries", ENTRY),
    "log.show": Method("seq", f"{ENTRY} writer chain compacted operations diff", "where item before after"),
    "events.subscribe": Method("", ""),
}


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
        and _is_texts([row.get("key", row.get("name"))], 1, 512)
        and _is_texts(row["values"], 1_024, 131_072)
        for row in value
    )


def _fits(method: str, name: str, value: object) -> bool:
    if name in NUMBERS:
        return _is_number(value, *NUMBERS[name])
    if name == "timeout_s":
        return type(value) in {int, float} and isinstance(value, int | float) and 0 <= value <= 3_600
    if name in FLAGS:
        return isinstance(value, bool)
    if name in ROWS:
        return _is_rows(name, value)
    if name in TEXTS:
        return _is_texts(value, 1_024, 255)
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


@dataclass
class Conversation:
    """What answers so far told about the daemon."""

    devices: set[str] = field(default_factory=set)
    policies: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    tickets: set[str] = field(default_factory=set)
    head: int = 0
    ended: bool = False

    def refuse(self, method: str, params: dict[str, Any]) -> None:
        """Refuse what this daemon cannot do as far as its answers told."""
        need("token" not in params or params["token"] == TOKEN, "no-session")
        need(method != "ticket.poll" or params["ticket"] in self.tickets, "no-ticket")
        known = {"device.show": self.devices, "policy.show": self.policies, "group.show": self.groups}
        if method in known:
            need(params["name"] in known[method], f"no-{method.removesuffix('.show')}")
        newest = self.head + len(self.tickets)  # each ticket may have brought an entry
        need(method != "log.show" or params["seq"] <= newest, "no-version")
        scope = params.get("scope") or "cluster"
        need(re.fullmatch(r"cluster|(group|device)/.+", scope), "bad-target")

    def learn(self, method: str, params: dict[str, Any], result: dict[str, Any]) -> None:
        """Remember what an answer told."""
        if "ticket" in result:
            self.tickets.add(result["ticket"])
        for kind in ("devices", "policies", "groups"):
            if method.endswith(".list") and kind in result:
                getattr(self, kind).update(row["name"] for row in result[kind])
        if method == "log.list":
            self.head = result["head"]


def call(line: bytes, conversation: Conversation) -> tuple[Any, str, dict[str, Any]]:
    """Read a line: the id, the method and its parameters; or refuse it."""
    number, method, params = _request(line)
    need(method in METHODS, "no-method")
    wanted = {one.rstrip("?"): one.endswith("?") for one in METHODS[method].parameters.split()}
    given = {name: value for name, value in params.items() if value is not None}
    need(set(params) <= set(wanted), "bad-params")
    need(all(name in given or has_default for name, has_default in wanted.items()), "bad-params")
    need(all(_fits(method, name, value) for name, value in given.items()), "bad-params")
    conversation.refuse(method, given)
    return number, method, given


def _has_fields(row: object, fields: str, more: str = "") -> bool:
    return isinstance(row, dict) and set(fields.split()) <= set(row) <= set(f"{fields} {more}".split())


def is_answer(answer: dict[str, Any], number: Any, method: str) -> bool:
    """Whether this is a result of the method, with the fields that the page names."""
    if set(answer) != {"jsonrpc", "id", "result"} or (answer["jsonrpc"], answer["id"]) != ("2.0", number):
        return False
    result = answer["result"]
    about = METHODS[method]
    lists = [value for value in result.values() if isinstance(value, list)]
    rows = [row for value in lists for row in value if isinstance(row, dict)]
    return _has_fields(result, about.result, about.more) and (
        not about.rows or all(_has_fields(row, about.rows) for row in rows)
    )


def is_refusal(answer: dict[str, Any], number: Any, word: str) -> bool:
    """Whether this is the answer that refuses with the word."""
    error = answer.get("error", {})
    return (
        set(answer) == {"jsonrpc", "id", "error"}
        and (answer["jsonrpc"], answer["id"]) == ("2.0", number)
        and set(error) == {"code", "message", "data"}
        and error["code"] == CODES.get(word, -32000)
        and error["data"] == {"code": word}
        and "\n" not in error["message"]
    )
