"""LuCI's backend: what it sends to the daemon, and what the page gets (`specs/web.md`, *Under LuCI*).

It is ucode, which no package of Debian's runs. Its text is run as JavaScript here, with stand-ins for what
ucode has besides: so its own decisions are shown, and nothing about ucode, rpcd or sockets.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from dusk.limits import CONTROL_LINE_BYTES_MAX
from dusk.web.views import APPLICATION
from tests.web.modules import run_node

pytestmark = [pytest.mark.needs("node")]
BACKEND = APPLICATION / "root/usr/share/rpcd/ucode/luci.dusk"
LIST = APPLICATION / "root/usr/share/dusk/page-methods.json"
HARNESS = Path(__file__).with_name("ucode.mjs")
TOKEN = bytes(range(32)).hex()
SESSION, NEXT = "0f" * 16, "1e" * 16
"""Of two logins to LuCI."""


def call(method: str, answer: Any = None, session: str | None = SESSION, **args: Any) -> dict[str, Any]:
    """Return a call of the page, with what the daemon answers: a result, or bytes as they come."""
    if session is not None:
        args["ubus_rpc_session"] = session
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "result": answer or {}}) + "\n"
    return {"method": method, "args": args, "answers": answer if isinstance(answer, list) else [line]}


def run(*calls: dict[str, Any], later: bool = False) -> list[dict[str, Any]]:
    """Run calls one after the other, as rpcd does; return what each sent and what it gave."""
    given = {
        "text": BACKEND.read_text(),
        "list": json.loads(LIST.read_text()),
        "later": later,
        "calls": list(calls),
    }
    results: list[dict[str, Any]] = run_node(HARNESS, given)
    return results


def told(result: dict[str, Any]) -> Any:
    """Return the daemon's line as the page reads it."""
    assert result["said"].keys() == {"line"}
    return json.loads(result["said"]["line"])


def params(result: dict[str, Any]) -> Any:
    """Return the parameters of the one line that was sent."""
    (line,) = result["sent"]
    assert line.endswith("\n")
    return json.loads(line)["params"]


def test_each_method_of_the_list_asks_its_own_of_the_control_socket_and_passes_no_more_on() -> None:
    listed = json.loads(LIST.read_text())
    calls = [call(name, foreign=1, **dict.fromkeys(row["args"])) for name, row in listed.items()]
    for result, row in zip(run(*calls), listed.values(), strict=True):
        (line,) = result["sent"]
        assert json.loads(line) == {"jsonrpc": "2.0", "id": 1, "method": row["control"], "params": {}}
        assert told(result)["result"] == {}


@pytest.mark.parametrize("rpcd", ["now", "later"])
def test_a34_who_logs_in_to_luci_next_does_not_inherit_a_token_of_dusk(rpcd: str) -> None:
    login = {"done": True, "progress": None, "result": {"token": TOKEN, "user": "anna"}}
    (ended,) = run(call("ticket_poll", login, ticket="t"), later=rpcd == "later")
    page = told(ended)["result"]["result"]
    assert page["user"] == "anna"
    assert page["token"] != TOKEN
    assert len(page["token"]) == len(TOKEN)
    results = run(
        call("draft_show", token=page["token"]),
        call("draft_show", session=NEXT, token=page["token"]),
        call("draft_show", session=None, token=page["token"]),
        call("draft_show", token=TOKEN),
        call("draft_show", token="no token"),
        call("device_health", name="attic", token=page["token"]),
        later=rpcd == "later",
    )
    own, other, nobody, foreign, junk, asking = map(params, results)
    assert own == {"token": TOKEN}
    assert asking == {"token": TOKEN, "name": "attic"}
    assert TOKEN not in (other["token"], nobody["token"], foreign["token"], junk["token"])
    assert nobody["token"] == junk["token"] == ""
    assert not any(
        session in line for result in results for line in result["sent"] for session in (SESSION, NEXT)
    )


def test_a_secret_that_is_no_token_of_a_login_is_told_as_it_is() -> None:
    key = {"done": True, "result": {"line": "dusk-join-1:00", "id": "00"}}
    (ended,) = run(call("ticket_poll", key, ticket="t"))
    assert told(ended)["result"] == key


@pytest.mark.parametrize("rpcd", ["now", "later"])
@pytest.mark.parametrize(
    ("answers", "code"),
    [
        (["{]\n"], "bad-answer"),
        (["{", ""], "no-daemon"),
        (["x" * 400_000, "x" * (CONTROL_LINE_BYTES_MAX - 399_998)], "too-large"),
    ],
)
def test_what_the_daemon_cannot_say_comes_with_a_word(answers: list[str], code: str, rpcd: str) -> None:
    (result,) = run(call("ticket_poll", answers), later=rpcd == "later")
    assert result["said"]["error"]["code"] == code
    assert result["said"]["error"]["message"]


def test_an_answer_in_pieces_is_put_together() -> None:
    pieces = ['{"jsonrpc":"2.0",', '"id":1,"result":{"role":"master"}}\n']
    assert run(call("status", pieces))[0]["said"] == {"line": "".join(pieces)}


def test_what_the_daemon_refuses_is_handed_on_as_it_says_it() -> None:
    line = '{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"gone","data":{"code":"no-ticket"}}}\n'
    for method in ("status", "ticket_poll"):
        assert run(call(method, [line]))[0]["said"] == {"line": line}


def test_a_daemon_that_is_busy_or_not_there_is_told_apart() -> None:
    silent = call("status", [])
    (slow,) = run({**silent, "answers": []})
    (absent,) = run({**silent, "connection": False})
    assert (slow["said"]["error"]["code"], absent["said"]["error"]["code"]) == ("slow", "no-daemon")


def test_more_than_the_control_socket_takes_is_not_sent() -> None:
    (result,) = run(call("draft_import", text="x" * CONTROL_LINE_BYTES_MAX))
    assert (result["said"]["error"]["code"], result["sent"]) == ("too-large", [])
