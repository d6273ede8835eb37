"""The files of a router as it tells them: shown, and taken over into a draft."""

from typing import Any

import pytest

from dusk.config.files_told import FILES, FileState, ToldFile, ToldFiles, decode_asked, encode_files, file_of
from dusk.control.desk import Peer
from dusk.control.files import USUAL
from dusk.control.names import device_id
from dusk.effects import Told
from dusk.errors import Refused
from dusk.ids import Seq
from tests.desk import FakeDesk

WIRELESS = b"""config wifi-iface 'a'
\toption ssid 'Home'
\toption key 'unspeakable'
\toption mode 'ap'
"""


def answers(desk: FakeDesk, name: str, *files: ToldFile) -> None:
    told = ToldFiles(Seq(desk.log.head.seq), files)
    desk.answers[device_id(desk.log.state, name)] = Told(data=encode_files(told))


def told(desk: FakeDesk, method: str, **params: Any) -> Any:
    return desk.poll(desk.ask(method, **params)["ticket"])["result"]


def failed(desk: FakeDesk, method: str, **params: Any) -> str:
    """Return the word with which a ticket ends, or a stand-in's call."""
    try:
        code: str = desk.poll(desk.ask(method, **params)["ticket"])["error"]["code"]
    except Refused as refused:
        return refused.code
    return code


@pytest.fixture
def managed(desk: FakeDesk) -> FakeDesk:
    desk.set("policy/wifi", wireless__a__ssid="Home")
    desk.do("policy.assign", name="wifi", to="all", names=[])
    desk.commit()
    return desk


def test_the_files_of_a_router_are_shown_with_who_manages_what(managed: FakeDesk) -> None:
    answers(managed, "hall", file_of("wireless", WIRELESS, is_in_effect=True))
    shown = told(managed, "effective.ask", device="hall")
    assert (shown["device"], shown["head"]) == ("hall", managed.log.head.seq)
    (file,) = shown["files"]
    assert (file["package"], file["state"], file["why"], file["in_effect"]) == ("wireless", "told", "", True)
    assert [tuple(one.values()) for one in file["options"]] == [
        ("wireless.a", "wifi-iface", ""),
        ("wireless.a.ssid", "Home", "policy/wifi"),
        ("wireless.a.key", "(secret)", ""),
        ("wireless.a.mode", "ap", ""),
    ]
    (asked,) = [question for _, question in managed.asked]
    assert (asked.kind, decode_asked(asked.argument)) == (FILES, ("wireless",))


def test_a_key_names_what_is_shown(managed: FakeDesk) -> None:
    answers(managed, "hall", file_of("wireless", WIRELESS))
    shown = told(managed, "effective.ask", device="hall", key="wireless.a.ssid")
    assert [one["key"] for one in shown["files"][0]["options"]] == ["wireless.a.ssid"]
    whole = told(managed, "effective.ask", device="hall", key="wireless")
    assert len(whole["files"][0]["options"]) == 4


def test_its_last_word_is_there_while_it_is_asked(managed: FakeDesk) -> None:
    assert managed.ask("effective.ask", device="hall")["report"] is None
    hall = device_id(managed.log.state, "hall")
    peer = Peer(True, Seq(2), Seq(2), "committed", "", (), 4.0, drift=1, files=(("wireless", bytes(16)),))
    managed.seen = {hall: peer}
    assert managed.ask("effective.ask", device="hall")["report"] == {
        "head": 2,
        "seen_s_ago": 4.0,
        "drift": 1,
        "files": [{"package": "wireless", "hash": "00" * 16}],
    }


def test_where_nothing_can_be_merged_the_files_are_shown_and_nothing_is_taken_over(managed: FakeDesk) -> None:
    managed.set("policy/other", wireless__a__ssid="Other")
    managed.do("policy.assign", name="other", to="all", names=[])
    world = managed.world
    world.commit(
        world.set("bad", "wireless.a.ssid", "${undefined}"),
        world.edit("assignment/bad", "to", ("all", [], 200)),
    )
    answers(managed, "hall", *(ToldFile(name, FileState.NONE) for name in USUAL))
    assert {one["state"] for one in told(managed, "effective.ask", device="hall")["files"]} == {"none"}
    assert failed(managed, "settings.ask", device="hall") == "bad-config"


def test_what_nothing_manages_is_taken_over_by_a_draft(managed: FakeDesk) -> None:
    further = (FileState.CLOSED, FileState.UNREADABLE, FileState.TOO_LARGE)
    rest = [ToldFile(package, state) for package, state in zip(("a", "b", "c"), further, strict=True)]
    answers(managed, "hall", file_of("wireless", WIRELESS), *rest)
    found = told(managed, "settings.ask", device="hall", packages=["wireless", "a", "b", "c"])
    assert found["text"] == "set wireless.a='wifi-iface'\nset wireless.a.mode='ap'\n"
    assert (found["count"], found["managed"], found["left"]) == (2, 1, [])
    assert found["secrets"] == ["wireless.a.key"]
    assert [note.split()[0] for note in found["notes"]] == ["a", "b", "c"]
    assert [one["state"] for one in found["files"]] == ["told", "closed", "unreadable", "too-large"]
    managed.do("draft.import", target="device/hall", text=found["text"])
    managed.commit()
    again = told(managed, "settings.ask", device="hall", packages=["wireless", "a", "b", "c"])
    assert (again["text"], again["managed"]) == ("", 2)
    assert "unspeakable" not in str((found, again))


def test_more_than_a_change_takes_is_asked_for_in_parts(managed: FakeDesk) -> None:
    lines = (f"config t '{'n' * 200}'\n", *(f"\toption o{i} '1'\n" for i in range(2000)))
    answers(managed, "hall", file_of("dhcp", "".join(lines).encode()))
    assert failed(managed, "settings.ask", device="hall", packages=["dhcp"]) == "too-large"


def test_an_answer_to_another_question_is_none(managed: FakeDesk) -> None:
    answers(managed, "hall", ToldFile("dhcp", FileState.NONE))
    assert failed(managed, "effective.ask", device="hall") == "failed"


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("settings.ask", {"device": "hall", "packages": ["dusk"]}, "bad-params"),
        ("settings.ask", {"device": "hall", "packages": [str(i) for i in range(17)]}, "bad-params"),
        ("settings.ask", {"device": "nobody"}, "no-device"),
        ("effective.ask", {"device": "hall", "key": "dusk.main"}, "bad-params"),
        ("effective.ask", {"device": "nobody"}, "no-device"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    desk: FakeDesk, method: str, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        desk.ask(method, **params)
    assert refused.value.code == code
