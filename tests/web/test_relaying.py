"""What a view may ask, and what it gets."""

import json
from typing import Any

import pytest

from dusk.errors import Refused
from dusk.web.relaying import CALLS_MAX, BadRequest, Method, answer

KNOWN = {
    "device_show": Method("device.show", {"name": "", "count": 0, "all": False, "names": []}),
    "status": Method("status", {}),
}


def ask(*calls: Any) -> Any:
    asked: list[tuple[str, Any]] = []

    def call(method: str, args: dict[str, Any]) -> Any:
        asked.append((method, args))
        if args.get("name") == "gone":
            raise Refused("no-device", "there is no router 'gone'")
        return {"method": method}

    body = json.dumps(list(calls)).encode()
    return json.loads(answer(body, KNOWN, call)), asked


def call(method: str, args: Any = None, object_: str = "luci.dusk", number: int = 7) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": "call", "params": ["", object_, method, args or {}]}


def test_a_call_comes_to_the_method_of_the_control_socket_with_its_parameters() -> None:
    answers, asked = ask(call("device_show", {"name": "attic"}), call("status", number=8))
    assert asked == [("device.show", {"name": "attic"}), ("status", {})]
    assert [one["id"] for one in answers] == [7, 8]
    assert answers[0]["result"] == [0, {"result": {"method": "device.show"}}]


def test_a_refusal_comes_with_its_word_and_its_line() -> None:
    answers, _ = ask(call("device_show", {"name": "gone"}))
    assert answers[0]["result"] == [
        0,
        {"error": {"code": "no-device", "message": "there is no router 'gone'"}},
    ]


@pytest.mark.parametrize("one", [call("draft_commit"), call("status", object_="file"), call("device.show")])
def test_a34_what_is_not_on_the_list_never_reaches_the_daemon(one: dict[str, Any]) -> None:
    answers, asked = ask(one)
    assert answers[0]["result"] == [3]
    assert not asked


@pytest.mark.parametrize(
    "args", [{"name": 1}, {"other": ""}, {"count": True}, {"all": 1}, {"names": {}}, {"count": "1"}]
)
def test_a34_parameters_of_another_name_or_kind_never_reach_the_daemon(args: dict[str, Any]) -> None:
    answers, asked = ask(call("device_show", args))
    assert answers[0]["result"] == [2]
    assert not asked


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"[1]",
        b"[" * 100_000,
        b'[{"jsonrpc":"2.0","id":1,"method":"list","params":[]}]',
        json.dumps([call("status")] * (CALLS_MAX + 1)).encode(),
    ],
)
def test_a34_what_is_no_list_of_calls_is_refused_whole(body: bytes) -> None:
    with pytest.raises(BadRequest):
        answer(body, KNOWN, lambda *_: pytest.fail("asked"))


def test_one_call_without_a_list_gets_one_answer() -> None:
    said = json.loads(answer(json.dumps(call("status")).encode(), KNOWN, lambda *_: {}))
    assert said == {"jsonrpc": "2.0", "id": 7, "result": [0, {"result": {}}]}
